import Foundation
import Testing

/// Options and values that make no sense: status 64 and one line that says what would be right.
struct ArgumentTests {
    private static let train = ["train", "mlp", "--device", "cpu", "--out", "new"]
    private static let cases: [([String], [String])] = [
        (["nosuch"], ["nosuch", "--help"]),
        (["train"], ["which model", "lenet"]),
        (["train", "nosuch"], ["nosuch", "lenet"]),
        (["train", "mlp", "lenet"], ["lenet", "--help"]),
        (["inspect"], ["file"]),
        (["evaluate"], ["--run"]),
        (["predict", "--run", "run"], ["file"]),
        (train + ["--nosuch"], ["--nosuch", "--help"]),
        (train + ["--epochs", "x"], ["--epochs", "0 or more"]),
        (train + ["--epochs", "-1"], ["--epochs -1", "give 0"]),
        (train + ["--steps", "-1"], ["--steps -1", "give 0"]),
        (train + ["--steps", "1", "--epochs", "1"], ["--epochs and --steps"]),
        (train + ["--batch-size", "0"], ["--batch-size 0", "give 1"]),
        (train + ["--batch-size", "-1"], ["--batch-size -1", "give 1"]),
        (train + ["--batch-size", "9223372036854775807"], ["--batch-size", "give 1"]),
        (train + ["--batch-size", "99999999999999999999"], ["--batch-size", "1 or more"]),
        (train + ["--learning-rate", "nan"], ["--learning-rate nan", "0 or more"]),
        (train + ["--learning-rate", "-1"], ["--learning-rate -1", "0 or more"]),
        (train + ["--learning-rate", "fast"], ["--learning-rate", "0 or more"]),
        (train + ["--seed", "-1"], ["--seed", "from 0"]),
        (train + ["--log-every", "0"], ["--log-every 0", "1 or more"]),
        (train + ["--threads", "0"], ["--threads 0", "1 to 1024"]),
        (train + ["--threads", "x"], ["--threads", "1 to 1024"]),
        (train + ["--set", "unknown=1"], ["unknown", "hidden"]),
        (train + ["--set", "hidden"], ["--set hidden", "key=value"]),
        (train + ["--set", "hidden=0"], ["hidden=0", "from 1"]),
        (train + ["--set", "hidden=65536,65536"], ["parameters", "GiB"]),
        (train + ["--set", "dropout=2"], ["dropout=2", "from 0"]),
        (train + ["--set", "activation=none"], ["activation=none", "relu"]),
        (train + ["--set", "mean=0.5"], ["mean and std"]),
        (train + ["--set", "mean=0,0", "--set", "std=1,1"], ["mean and std", "channels"]),
        (train + ["--set", "image_size=4096"], ["4096", "1024"]),
        (train + ["--optimizer", "magic"], ["--optimizer magic", "adam"]),
        (train + ["--schedule", "magic"], ["--schedule magic", "cosine"]),
        (train + ["--schedule", "multistep"], ["milestones"]),
        (train + ["--freeze", "nothing"], ["--freeze nothing", "fc1.weight"]),
        (train + ["--freeze", "*"], ["--freeze *", "nothing to train"]),
        (train + ["--freeze", "fc1.*,no*"], ["--freeze no*", "fc1.weight"]),
        (train + ["--set", "unfreeze=2:fc1.*"], ["unfreeze=2:fc1.*", "--freeze"]),
        (train + ["--freeze", "fc1.*", "--set", "unfreeze=fc1.*"], ["unfreeze=fc1.*", "EPOCH:PATTERN"]),
        (train + ["--freeze", "fc1.*", "--set", "unfreeze=2:fc2.*"], ["2:fc2.*", "fc1.weight, fc1.bias"]),
        (train + ["--set", "head=new"], ["head=new", "--weights"]),
        (train + ["--set", "layer_decay=2"], ["layer_decay=2", "to 1"]),
        (train + ["--set", "head_rate=0"], ["head_rate=0", "from"]),
        (train + ["--set", "patience=-1"], ["patience=-1", "from 0"]),
        (train + ["--set", "best=worst"], ["best=worst", "loss, accuracy"]),
        (train + ["--set", "class_weights=1,2"], ["class_weights=1,2", "balanced", "10 numbers"]),
        (train + ["--set", "keep_features=true"], ["keep_features=true", "--freeze"]),
        (
            train + ["--freeze", "fc1.*", "--set", "keep_features=true", "--set", "shift=1"],
            ["keep_features=true", "augmentation"]
        ),
        (train + ["--data", "nowhere"], ["nowhere", "digits"]),
        (train + ["--data", "magic:x"], ["magic", "digits"]),
        (train + ["--data", "csv:"], ["csv", "digits"]),
        (train + ["--weights", "nofile"], ["nofile", "does not exist"]),
        (train + ["--config", "nofile"], ["nofile", "YAML"]),
        (train + ["--resume", "run"], ["--out", "drop"]),
        (["train", "mlp", "--out", "run"], ["run", "--resume"]),
        (["train", "mlp", "--out", "run/config.yaml/x"], ["run/config.yaml/x", "--out"]),
        (["train", "mlp", "--out", "/dev/null"], ["/dev/null", "--out"]),
        (["train", "--resume", "run", "--batch-size", "5"], ["run", "--batch-size 32"]),
        (["train", "--resume", "run", "--set", "hidden=5"], ["hidden=5", "run"]),
        (["train", "lenet", "--resume", "run"], ["model mlp", "lenet"]),
        (["train", "--resume", "nofolder"], ["nofolder", "folder of a run"]),
        (["train", "mlp", "--device", "nonsense"], ["--device nonsense", "opencl"]),
        (["train", "mlp", "--device", "opencl:9"], ["--device opencl:9"]),
        (["evaluate", "--run", "nofolder"], ["nofolder", "folder of a run"]),
        (["evaluate", "--run", "run", "--split", "nonsense"], ["nonsense", "train, val"]),
        (["evaluate", "--run", "run", "--batch-size", "0"], ["--batch-size 0", "1 or more"]),
        (["evaluate", "--run", "run", "--set", "hidden=3"], ["--set"]),
        (["evaluate", "--run", "run", "--model", "mlp"], ["--run DIR, or --model"]),
        (
            ["evaluate", "--model", "lenet", "--weights", "run/last.safetensors"],
            ["run/last.safetensors", "conv1.weight is missing"]
        ),
        (["predict", "nofile.png", "--run", "run"], ["nofile.png", "does not exist"]),
        (["predict", ".", "--run", "run"], ["is a folder", "give a file"]),
        (["predict", "run/config.yaml", "--run", "run"], ["run/config.yaml", "PNG"]),
        (["predict", "run/config.yaml", "--run", "run", "--top", "0"], ["--top 0", "1 or more"]),
        (["predict", "run/config.yaml", "--run", "run", "--top", "-3"], ["--top -3", "1 or more"]),
        (["inspect", "nofile"], ["nofile", "does not exist"]),
        (["inspect", "run/config.yaml"], ["run/config.yaml", "safetensors"]),
        (["verify", "nosuchcase"], ["nosuchcase", "Convolution"]),
        (["verify", "--seed", "-1"], ["--seed", "from 0"]),
    ]

    @Test func eachIsRefusedInOneLine() throws {
        let scratch = Scratch()
        try smallRun(in: scratch)
        let before = try scratch.read("run/last.safetensors")
        for (arguments, words) in Self.cases {
            let result = try Program.run(arguments, in: scratch.path)
            expectRefusal(result, words, arguments.joined(separator: " "))
        }
        #expect(try scratch.read("run/last.safetensors") == before)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"), "a refusal made a folder")
    }
}
