internal import Checkpoints

extension Preset {
    // MARK: Liu et al. 2023, Omnigrok

    /// What the paper's programs share: PyTorch's defaults but for the scale of the weights.
    private static let omnigrok: JSONValue = [
        "network": [
            "kind": "feedforward", "widths": "200,200", "initialization_scale": 8.0,
            "initialization_stream": "torch",
        ],
        "loss": ["kind": "mean_squared_error"],
        "optimizer": ["beta2": 0.999, "learning_rate": 1e-3, "weight_decay": 0.01],
        "schedule": ["warmup": 0],
    ]

    private static let images: JSONValue = [
        "operation": "data", "input_scaling": "unit", "split": "in_order", "example_count": 1000,
    ]

    private static let imageTraining: JSONValue = [
        "dtype": "float64", "batch": 200, "steps": 100_000,
        "checkpoints": "log 1.1 + every 1000 + adaptive", "evaluate_every": 100,
    ]

    /// 100 inputs of a teacher 5-100-100-5 and the student that learns from them.
    private static let teacher = omnigrok.overlaid(by: [
        "task": [
            "operation": "teacher", "dimension": 5, "outputs": 5, "teacher_widths": "100,100",
            "teacher_activation": "tanh", "task_stream": "torch", "split": "in_order",
            "example_count": 100, "test_count": 100,
        ],
        "network": ["widths": "100,100", "activation": "tanh"],
        "loss": ["accuracy_threshold": 1e-3],
        "optimizer": ["learning_rate": 3e-4],
        "training": ["seed": 1, "evaluate_every": 100],
    ])

    static let omnigrokRuns = [
        Preset(
            "omnigrok-mnist", "Liu et al. 2023 (Omnigrok), section 4.1 and notebook",
            "images of --data, the first 1,000 train; weights times 8, mean squared error",
            omnigrok.overlaid(by: [
                "task": images, "training": imageTraining,
            ])),
        Preset(
            "omnigrok-mnist-cross-entropy", "Liu et al. 2023 (Omnigrok), appendix",
            "the same with cross-entropy and weights times 100",
            omnigrok.overlaid(by: [
                "task": images, "network": ["initialization_scale": 100.0],
                "loss": ["kind": "cross_entropy"], "training": imageTraining,
            ])),
        Preset(
            "omnigrok-teacher", "Liu et al. 2023 (Omnigrok), section 2 and notebook",
            "100 inputs of a tanh teacher 5-100-100-5, the student's weights times 2",
            teacher.overlaid(by: [
                "network": ["initialization_scale": 2.0], "optimizer": ["weight_decay": 0.05],
                "training": [
                    "steps": 100_000, "checkpoints": "log 1.1 + every 1000 + adaptive",
                ],
            ])),
        Preset(
            "omnigrok-constrained", "Liu et al. 2023 (Omnigrok), section 2",
            "the teacher's student without decay, its weight norm held",
            teacher.overlaid(by: [
                "network": ["initialization_scale": 1.0],
                "optimizer": ["weight_decay": 0.0, "keep_norm": true],
                "training": ["steps": 9801, "checkpoints": "every 100"],
            ])),
    ]

    // MARK: Networks on data

    static let networksOnData =
        [4, 8, 12].map { depth in
            Preset(
                "deep-grokking-\(depth)", "Fan et al. 2024, section 3",
                "images of --data, 2,000 train, \(depth) linear layers of 400",
                omnigrok.overlaid(by: [
                    "task": [
                        "operation": "data", "input_scaling": "unit", "example_count": 2000,
                    ],
                    "network": [
                        "widths": .text(
                            [String](repeating: "400", count: depth - 1).joined(separator: ",")),
                        "initialization_stream": "cairn",
                    ],
                    "training": [
                        "batch": 200, "steps": 100_000,
                        "checkpoints": "log 1.1 + every 1000 + adaptive", "evaluate_every": 100,
                    ],
                ]))
        } + [
            Preset(
                "kumar-polynomial", "Kumar et al. 2024, section 5 and supplementary code",
                "a committee of 500 neurons h + 0.01·h² on 550 values of (β·x)²/2, gradient descent",
                [
                    "task": [
                        "operation": "polynomial", "dimension": 100, "degree": 2,
                        "example_count": 550, "test_count": 1000,
                    ],
                    "network": [
                        "kind": "feedforward", "widths": "500", "activation": "linear_quadratic",
                        "activation_strength": 0.02, "biases": false, "readout": "mean",
                        // N(0, 0.02²) times 50 is N(0, 1).
                        "initialization": "small_normal", "initialization_scale": 50.0,
                    ],
                    "loss": ["kind": "mean_squared_error"],
                    "optimizer": ["kind": "gd", "learning_rate": 500.0],
                    "schedule": ["warmup": 0],
                    "training": [
                        "steps": 100_000, "checkpoints": "log 1.1 + every 1000",
                        "evaluate_every": 100,
                    ],
                ]),
            Preset(
                "xor-clusters", "Xu et al. 2024, appendix A.7",
                "1,000 ReLU neurons with fixed signs on 200 points in 40,000 dimensions",
                [
                    "task": [
                        "operation": "xor_clusters", "dimension": 40_000, "example_count": 200,
                        "test_count": 200, "flip_chance": 0.05,
                    ],
                    "network": [
                        "kind": "feedforward", "widths": "1000", "biases": false,
                        "readout": "signs", "initialization": "small_normal",
                        "initialization_scale": 5e-14,
                    ],
                    "loss": ["kind": "logistic"],
                    "optimizer": ["kind": "gd", "learning_rate": 1e-12],
                    "schedule": ["warmup": 0],
                    "training": ["steps": 20, "checkpoints": "every 1", "evaluate_every": 1],
                ]),
            Preset(
                "sparse-parity", "Merrill et al. 2023, section 3",
                "the product of 3 of 40 signs, 1,000 examples, 1,000 neurons, hinge loss",
                [
                    "task": [
                        "operation": "signed_parity", "bits": 40, "subset_size": 3,
                        "example_count": 1000, "test_count": 100,
                    ],
                    "network": ["kind": "feedforward", "widths": "1000"],
                    "loss": ["kind": "hinge"],
                    "optimizer": ["kind": "sgd", "learning_rate": 0.1, "weight_decay": 0.01],
                    "schedule": ["warmup": 0],
                    "training": [
                        // 300 epochs of 32 batches.
                        "batch": 32, "steps": 9600, "checkpoints": "every 96",
                        "evaluate_every": 32,
                    ],
                ]),
            Preset(
                "sparse-parity-online", "Barak et al. 2022, section 3",
                "the product of 3 of 30 signs, 32 fresh examples an update",
                [
                    "task": [
                        "operation": "signed_parity", "bits": 30, "subset_size": 3,
                        "online": true, "example_count": 32, "test_count": 8192,
                    ],
                    "network": ["kind": "feedforward", "widths": "1000"],
                    "loss": ["kind": "hinge"],
                    "optimizer": ["kind": "sgd", "learning_rate": 0.1],
                    "schedule": ["warmup": 0],
                    "training": [
                        "steps": 100_000, "checkpoints": "every 1000 + adaptive",
                        "evaluate_every": 100,
                    ],
                ]),
            Preset(
                "linear-estimator", "Levi et al. 2024, section 3",
                "1,000 weights fit the answers of a linear teacher to 1,111 inputs",
                [
                    "task": [
                        "operation": "teacher", "dimension": 1000, "outputs": 1,
                        // U(±1/√d) times √(3/2) has the variance 1/(2d).
                        "teacher_widths": "", "teacher_scale": .real(1.5.squareRoot()),
                        "example_count": 1111, "test_count": 1000,
                    ],
                    "network": [
                        "kind": "feedforward", "widths": "", "biases": false,
                        "initialization": "fan_in",
                        "initialization_scale": .real(0.5.squareRoot()),
                    ],
                    "loss": ["kind": "mean_squared_error", "accuracy_threshold": 1e-3],
                    "optimizer": ["kind": "gd", "learning_rate": 0.01],
                    "schedule": ["warmup": 0],
                    "training": [
                        "steps": 100_000, "checkpoints": "log 1.1 + every 1000",
                        "evaluate_every": 100,
                    ],
                ]),
            Preset(
                "local-complexity", "Humayun et al. 2024, section 4",
                "images of --data, 1,000 train, three hidden layers of 200",
                omnigrok.overlaid(by: [
                    "task": [
                        "operation": "data", "input_scaling": "unit", "example_count": 1000,
                    ],
                    "network": ["widths": "200,200,200", "initialization_stream": "cairn"],
                    "training": [
                        "batch": 200, "steps": 1_000_000,
                        "checkpoints": "log 1.05 + every 10000", "evaluate_every": 1000,
                    ],
                ])),
        ]

    // MARK: Prieto et al. 2025, the edge of numerical stability

    private static let edge: JSONValue = [
        "task": [
            "operation": "add", "modulus": 113, "train_fraction": 0.4, "split": "torch",
            "split_seed": 42,
        ],
        "network": ["kind": "feedforward", "widths": "200,200", "biases": false],
        "schedule": ["warmup": 0],
        "training": ["seed": 42, "checkpoints": "every 10", "evaluate_every": 10],
    ]

    static let edgeRuns = [
        Preset(
            "edge-perpendicular", "Prieto et al. 2025, section 5",
            "addition mod 113 without decay: the gradient's part along the weights is left out",
            edge.overlaid(by: [
                "optimizer": [
                    "learning_rate": 0.01, "beta2": 0.999, "weight_decay": 0.0,
                    "perpendicular_gradient": true,
                ],
                "training": ["steps": 300],
            ])),
        Preset(
            "edge-stablemax", "Prieto et al. 2025, section 4",
            "addition mod 113 without decay: StableMax in place of softmax",
            edge.overlaid(by: [
                "loss": ["kind": "stablemax"],
                "optimizer": ["learning_rate": 0.01, "beta2": 0.999, "weight_decay": 0.0],
                "training": ["steps": 80_000, "checkpoints": "every 1000", "evaluate_every": 100],
            ])),
        Preset(
            "edge-perpendicular-sgd", "Prieto et al. 2025, section 5",
            "the same with momentum, StableMax and the perpendicular gradient",
            edge.overlaid(by: [
                "loss": ["kind": "stablemax"],
                "optimizer": [
                    "kind": "sgd", "learning_rate": 10.0, "momentum": 0.8,
                    "perpendicular_gradient": true,
                ],
                "training": ["dtype": "float64", "steps": 500],
            ])),
    ]

    // MARK: Faster grokking

    private static let grokfast: JSONValue = [
        "task": ["operation": "multiply", "modulus": 97, "train_fraction": 0.5, "split": "torch"],
        "network": [
            "layers": 2, "width": 128, "heads": 4, "mlp_width": 512, "activation": "gelu",
            "normalization": "pre", "final_norm": true, "attention_biases": true,
            "mlp_biases": true, "initialization": "torch_default",
        ],
        "optimizer": [
            "kind": "adam", "learning_rate": 0.001, "beta2": 0.98, "decay": "honest",
        ],
        "schedule": ["warmup": 10],
        "training": [
            "batch": 512, "steps": 50_000, "checkpoints": "every 100 + adaptive",
            "evaluate_every": 10,
        ],
    ]

    static let faster = [
        Preset(
            "grokfast-baseline", "Lee et al. 2024, section 3",
            "x · y mod 97, two pre-norm layers, Adam without a filter",
            grokfast.overlaid(by: ["optimizer": ["weight_decay": 0.0]])),
        Preset(
            "grokfast-ema", "Lee et al. 2024, section 3",
            "the same with twice the running mean of the gradients added",
            grokfast.overlaid(by: [
                "optimizer": [
                    "weight_decay": 0.005, "filter": "ema", "filter_decay": 0.98,
                    "filter_gain": 2.0,
                ]
            ])),
        Preset(
            "grokfast-moving-average", "Lee et al. 2024, section 3",
            "the same with five times the mean of the last 100 gradients added",
            grokfast.overlaid(by: [
                "optimizer": [
                    "weight_decay": 0.01, "filter": "moving_average", "filter_window": 100,
                    "filter_gain": 5.0,
                ]
            ])),
        Preset(
            "muon", "Jordan et al. 2024 on the canonical task of Nanda et al. 2023",
            "addition mod 113, Muon for the matrices of the layers, AdamW for the rest",
            [
                "optimizer": ["kind": "muon", "learning_rate": 0.02, "weight_decay": 0.1],
                "training": ["steps": 10_000, "checkpoints": "every 100 + adaptive"],
            ]),
    ]
}
