internal import Checkpoints

extension Preset {
    /// Cairn's own: what the literature has no shorter example of.
    static let own = [
        Preset(
            "demo", "Cairn", "subtraction mod 59 on half of the pairs, groks within a minute",
            [
                "task": ["operation": "subtract", "modulus": 59, "train_fraction": 0.5],
                // A small network and strong decay, found by trial, bring the transition to step 1,000.
                "network": ["width": 64, "mlp_width": 256],
                "optimizer": ["learning_rate": 0.003, "weight_decay": 2.0],
                "training": ["steps": 2000, "checkpoints": "every 20"],
            ]),
        Preset(
            "canonical", "Nanda et al. 2023 with Cairn's own split",
            "addition mod 113 on 30 % of the pairs: the defaults", [:]),
        Preset(
            "one-hot", "Cairn",
            "addition mod 97 on half of the pairs, one-hot codes and 512 quadratic neurons",
            [
                "task": ["operation": "add", "modulus": 97, "train_fraction": 0.5],
                "network": ["kind": "one_hot", "hidden_width": 512, "activation": "quadratic"],
                "training": ["steps": 20_000, "checkpoints": "every 100 + adaptive"],
            ]),
    ]

    // MARK: Power et al. 2022

    /// The network, optimiser and evaluation of the grokking paper's code.
    private static let power: JSONValue = [
        "task": [
            "layout": "published_equation", "loss_positions": "answer_eos", "split": "numpy",
            "split_seed": 0, "train_fraction": 0.5,
        ],
        "network": [
            "layers": 2, "width": 128, "heads": 4, "mlp_width": 512, "normalization": "post",
            "positions": "sinusoidal", "mlp_biases": false, "initialization": "torch_default",
        ],
        "loss": ["precision": "float32"],
        "optimizer": [
            "kind": "adamw", "learning_rate": 0.001, "weight_decay": 1.0, "beta1": 0.9,
            "beta2": 0.98, "decay": "to_zero",
        ],
        "schedule": ["warmup": 10],
        "training": [
            "batch": "half", "steps": 100_000, "checkpoints": "log 2 + every 1000 + adaptive",
            // A batch is a small part of the rows that an evaluation measures.
            "evaluate_every": 100,
        ],
    ]

    private static let powerTask: [(String, String, JSONValue)] = [
        ("add", "x + y", ["operation": "add", "modulus": 97]),
        ("subtract", "x − y", ["operation": "subtract", "modulus": 97]),
        ("multiply", "x · y (section 3.2)", ["operation": "multiply", "modulus": 97]),
        ("divide", "x / y", ["operation": "divide", "modulus": 97]),
        (
            "divide-or-subtract", "x / y for odd y, else x − y",
            ["operation": "divide_or_subtract", "modulus": 97]
        ),
        ("squares", "x² + y²", ["operation": "x2+y2", "modulus": 97]),
        ("quadratic", "x² + xy + y²", ["operation": "x2+xy+y2", "modulus": 97]),
        ("quadratic-plus", "x² + xy + y² + x", ["operation": "x2+xy+y2+x", "modulus": 97]),
        ("cubic", "x³ + xy", ["operation": "x3+xy", "modulus": 97]),
        ("cubic-plus", "x³ + xy² + y", ["operation": "x3+xy2+y", "modulus": 97]),
        ("s5", "x · y in S5", ["operation": "compose", "group": "S5"]),
        ("s5-conjugate", "x · y · x⁻¹ in S5", ["operation": "conjugate", "group": "S5"]),
        ("s5-aba", "x · y · x in S5", ["operation": "aba", "group": "S5"]),
    ]

    static let powerOperations =
        powerTask.map { name, formula, task in
            Preset(
                "power-\(name)", "Power et al. 2022, A.1.1 and A.1.2",
                "\(formula), half of the rows",
                power.overlaid(by: ["task": task]))
        } + [
            Preset(
                "power-figure1", "Power et al. 2022, figure 1 left",
                "division mod 97 on half of the rows, Adam without decay, 10⁶ updates",
                power.overlaid(by: [
                    "task": ["operation": "divide", "modulus": 97],
                    "optimizer": adam, "training": ["steps": 1_000_000],
                ]))
        ]

    private static let adam: JSONValue = [
        "kind": "adam", "weight_decay": 0.0, "decay": "honest",
    ]

    /// Figure 2 left: what helps on S5 (the paper sweeps the fraction; this is one point of it).
    static let powerInterventions: [Preset] = {
        let base = power.overlaid(by: [
            "task": ["operation": "compose", "group": "S5", "train_fraction": 0.5],
            "optimizer": adam,
        ])
        let interventions: [(String, String, JSONValue)] = [
            ("adam", "Adam in mini batches, the baseline", [:]),
            ("full-batch", "Adam, full batch", ["training": ["batch": "full"]]),
            (
                "update-noise", "Adam, full batch, Gaussian noise in the update",
                ["training": ["batch": "full"], "optimizer": ["update_noise": 1.0]]
            ),
            (
                "weight-noise", "Adam with weight noise 0.01",
                ["training": ["weight_noise": 0.01]]
            ),
            ("dropout", "Adam with dropout 0.1", ["network": ["dropout": 0.1]]),
            (
                "decay", "AdamW with decay 1",
                ["optimizer": ["kind": "adamw", "weight_decay": 1.0, "decay": "to_zero"]]
            ),
            (
                "decay-to-init", "AdamW with decay 1 towards the initial weights",
                ["optimizer": ["kind": "adamw", "weight_decay": 1.0, "decay": "to_init"]]
            ),
            ("low-rate", "Adam with learning rate 3e-4", ["optimizer": ["learning_rate": 3e-4]]),
            ("high-rate", "Adam with learning rate 3e-3", ["optimizer": ["learning_rate": 3e-3]]),
        ]
        return interventions.map { name, summary, change in
            Preset(
                "power-s5-\(name)", "Power et al. 2022, figure 2 left (1.5)", "\(summary), S5",
                base.overlaid(by: change))
        }
    }()

    // MARK: Nanda et al. 2023

    static let nanda = [
        Preset(
            "nanda", "Nanda et al. 2023, section 3 and notebook",
            "addition mod 113 on 30 % of the pairs, split by Python's shuffle, 50,000 epochs",
            [
                "task": [
                    "operation": "add", "modulus": 113, "train_fraction": 0.3, "split": "python",
                ],
                "training": ["steps": 50_000, "checkpoints": "every 100"],
            ]),
        Preset(
            "nanda-no-decay", "Nanda et al. 2023, appendix D.1",
            "the same without weight decay: no generalisation in 40,000 epochs",
            [
                "task": ["split": "python"], "optimizer": ["weight_decay": 0.0],
                "training": ["steps": 40_000, "checkpoints": "every 100"],
            ]),
        Preset(
            "transformer-lens", "TransformerLens, demos/Grokking_Demo",
            "the same without biases and warm-up, 25,000 epochs",
            [
                "task": ["split": "torch", "split_seed": 598, "answers_only": true],
                "network": lensNetwork, "schedule": ["warmup": 0],
                "training": ["seed": 999, "steps": 25_000, "checkpoints": "every 100"],
            ]),
    ]

    /// TransformerLens' own network: no trained biases, and N(0, 0.8² / width) for every matrix,
    /// written as a multiple of the standard deviation 0.02: 0.8 / √128 / 0.02 = 2.5 · √2.
    private static let lensNetwork: JSONValue = [
        "mlp_biases": false, "initialization": "small_normal",
        "initialization_scale": .real(2.5 * 2.0.squareRoot()),
    ]

    // MARK: Chughtai et al. 2023

    /// Group, share of the pairs, and whether the element order was published, as in the stored
    /// configurations.
    private static let groupRuns: [(String, Double, Bool)] = [
        ("S5", 0.4, true), ("A5", 0.5, true), ("C113", 0.3, false), ("D59", 0.3, false),
    ]

    static let groups: [Preset] = groupRuns.flatMap { group, fraction, isPublished in
        let task: JSONValue = [
            "operation": "compose", "group": .text(group), "train_fraction": .real(fraction),
            "element_order": isPublished ? "published" : "lexicographic", "split": "torch",
            "split_seed": 1,
        ]
        let training: JSONValue = [
            "steps": 250_000, "seed": 1, "checkpoints": "logspace 1000",
        ]
        let kinds: [(String, String, JSONValue)] = [
            (
                "mlp", "two embeddings of 256, 128 hidden neurons",
                [
                    "kind": "mlp", "embedding_width": 256, "hidden_width": 128,
                    "activation": "relu", "initialization": "fan_in",
                ]
            ),
            ("transformer", "one-layer transformer without biases", lensNetwork),
        ]
        return kinds.map { kind, summary, network in
            Preset(
                "chughtai-\(group.lowercased())-\(kind)", "Chughtai et al. 2023, section 5",
                "composition in \(group), \(summary)",
                [
                    // Logits of the group's elements alone; the other network has no others.
                    "task": kind == "mlp"
                        ? task : task.overlaid(by: ["answers_only": true]),
                    "network": network, "schedule": ["warmup": 0], "training": training,
                ])
        }
    }

    // MARK: An independent template

    static let template: [Preset] = [
        ("add", ["operation": "add", "modulus": 97] as JSONValue),
        ("subtract", ["operation": "subtract", "modulus": 97]),
        ("divide", ["operation": "divide", "modulus": 97]),
        ("s5", ["operation": "compose", "group": "S5"]),
    ].map { name, task in
        Preset(
            "template-\(name)", "SakanaAI/AI-Scientist, templates/grokking",
            "two layers, GELU, final norm, decay 0.5, batch 512, 7,500 updates; without the "
                + "published constant token between the operands",
            ([
                "task": ["train_fraction": 0.5, "answers_only": true],
                "loss": ["precision": "float32"],
                "network": [
                    "layers": 2, "width": 128, "heads": 4, "mlp_width": 512, "activation": "gelu",
                    "normalization": "post", "final_norm": true, "attention_biases": true,
                    "mlp_biases": true, "unembedding_bias": true,
                    "initialization": "torch_default",
                ],
                "optimizer": ["weight_decay": 0.5], "schedule": ["warmup": 50],
                "training": [
                    "batch": 512, "steps": 7500, "checkpoints": "every 100 + adaptive",
                    "evaluate_every": 50,
                ],
            ] as JSONValue).overlaid(by: ["task": task]))
    }
}
