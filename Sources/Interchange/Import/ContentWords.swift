/// The words under which people keep things, and what they mean.
enum ContentWords {
    /// Weights of the one network of a file, best first.
    static let weights = [
        "model", "state_dict", "model_state_dict", "model_state", "module", "params", "weights",
        "net", "network", "model_weights", "net_state_dict", "policy",
    ]
    static let optimizers = ["optimizer", "optimizer_state_dict", "optim", "opt_state"]
    /// Settings whose names stand for themselves, without the key before them.
    static let settings: Set<String> = [
        "config", "hyper_parameters", "hparams", "args", "cfg", "hyperparameters", "settings",
        "params", "options", "opts",
    ]
    /// Dictionaries of curves whose names stand for themselves.
    static let histories: Set<String> = [
        "history", "log_history", "log", "logs", "metrics", "results", "curves", "stats", "records",
        "losses", "training_history", "train_history", "data",
    ]
    /// What a trainer needs to go on and nobody looks at.
    static let bookkeeping: Set<String> = [
        "loops", "callbacks", "lr_schedulers", "lr_scheduler", "scheduler", "scheduler_state_dict",
        "rng_state", "rng_states", "cpu_rng_state", "cuda_rng_state", "cuda_rng_states",
        "torch_rng_state", "numpy_rng_state", "np_rng_state", "python_rng_state", "random_state",
        "random_rng_state", "rng", "amp_scaler", "scaler", "grad_scaler", "amp",
        "mixedprecision", "nativemixedprecisionplugin", "sampler", "sampler_state",
        "dataloader_state", "datamodule", "pytorch-lightning_version", "hparams_name",
        "hparams_type", "compile_config", "rng_tracker_states", "cuda", "cpu", "xla",
    ]
    /// Numbers that count updates, in the order of their weight.
    static let updates = [
        "global_step", "step", "iteration", "iter_num", "num_updates", "update", "iter", "steps",
        "n_updates", "train_step", "training_step", "total_steps_done", "current_step", "it",
        "_step", "steps_done",
    ]
    static let epochs = ["epoch", "epochs", "current_epoch", "epoch_num", "last_epoch"]
    /// Lists of steps beside curves.
    static let updateLists: Set<String> = [
        "step", "steps", "global_step", "global_steps", "iteration", "iterations", "iter", "iters",
        "update", "updates", "checkpoint_steps", "log_steps", "eval_steps", "train_steps", "_step",
        "checkpoint_epochs",
    ]
    static let epochLists: Set<String> = ["epoch", "epochs", "epoch_list"]
    static let rows: Set<String> = [
        "train_indices", "test_indices", "train_data", "test_data", "train_idx", "test_idx",
    ]
    /// Whole numbers that were set, not measured.
    static let seeds: Set<String> = ["seed", "random_seed", "torch_seed"]

    private static let measured: Set<String> = [
        "loss", "losses", "acc", "accs", "accuracy", "accuracies", "error", "errors", "err",
        "perplexity", "ppl", "norm", "norms", "lr", "lrs", "metric", "score", "scores", "reward",
        "rewards", "return", "returns", "bleu", "f1", "auc", "entropy", "kl", "mse", "mae", "time",
        "times", "grad", "history", "curve", "top1", "top5",
    ]

    /// Whether the name of an array among tensors is that of a curve.
    ///
    /// Layers are named after norms too, so a norm is measured only where it is one of gradients or
    /// parameters.
    static func isCurve(_ name: String) -> Bool {
        if CurveName.standard(name) != nil { return true }
        guard !name.contains(".") else { return false }
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        guard let first = words.first, let last = words.last, measured.contains(last) else {
            return false
        }
        let isNorm = last == "norm" || last == "norms"
        return !isNorm || ["grad", "gradient", "param", "weight", "update"].contains(first)
    }

    /// Whether the name of an array is that of something measured: one of its words is.
    static func isMeasured(_ name: String) -> Bool {
        if CurveName.standard(name) != nil { return true }
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        guard let last = words.last, last != "weight", last != "bias" else { return false }
        return words.contains { measured.contains(String($0)) }
    }
}
