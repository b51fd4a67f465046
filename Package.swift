// swift-tools-version: 6.0
import PackageDescription

let swift: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// The program holds Swift's libraries: it starts sooner, an OpenCL driver's symbols being looked for in fewer libraries, and
/// runs where Swift is not installed.
let swiftWithinProgram = [
    "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
]

func library(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil,
    exclude: [String] = [], plugins: [Target.PluginUsage] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: swift, plugins: plugins)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swift)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "martlet",
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletCore", targets: ["MartletCore"]),
        .library(name: "MartletCPU", targets: ["MartletCPU"]),
        .library(name: "MartletOpenCL", targets: ["MartletOpenCL"]),
        .library(name: "MartletData", targets: ["MartletData"]),
        .library(name: "MartletFigures", targets: ["MartletFigures"]),
        .executable(name: "martlet", targets: ["martlet-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // System libraries and the C beside them.
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CJPEG", path: "Sources/CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .systemLibrary(name: "CPNG", path: "Sources/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        // Headers only: the OpenCL loader is opened at run time.
        .systemLibrary(
            name: "COpenCLHeaders", path: "Sources/COpenCLHeaders", pkgConfig: "OpenCL-Headers",
            providers: [.apt(["opencl-headers", "ocl-icd-opencl-dev"])]),
        .target(name: "CMartletOpenCL", dependencies: ["COpenCLHeaders"]),
        .target(name: "CMartletCPU"),
        .target(name: "CMartletImage", dependencies: ["CJPEG", "CPNG"]),

        // Files turned into Swift strings, so that the binary needs nothing beside it.
        .executableTarget(name: "embed", swiftSettings: swift),
        .plugin(name: "EmbedFiles", capability: .buildTool(), dependencies: ["embed"]),
        library("MartletKernels", [], path: "Kernels", plugins: ["EmbedFiles"]),

        // Charts and pages, from plain numbers; knows nothing of tensors.
        library("MartletFigures", ["CMartletImage"]),

        // The layers, lowest first; each knows only those below it.
        library("MartletCore", []),
        library("MartletCPU", ["MartletCore", "CMartletCPU", "COpenBLAS"]),
        library("MartletOpenCL", ["MartletCore", "MartletKernels", "CMartletOpenCL", logging]),
        library("MartletNN", ["MartletCore", "COpenBLAS"]),
        library("MartletData", ["MartletCore", "CZlib", "CMartletImage"], plugins: ["EmbedFiles"]),
        library("MartletModels", ["MartletNN"]),
        library("MartletTraining", ["MartletModels", "MartletData", "MartletFigures", yams, logging]),
        library("MartletExplain", ["MartletTraining", "MartletFigures"]),
        library(
            "Martlet",
            ["MartletCore", "MartletCPU", "MartletOpenCL", "MartletNN", "MartletData", "MartletModels", "MartletTraining"]),
        library("MartletConformance", ["Martlet"]),
        .executableTarget(
            name: "martlet-cli",
            dependencies: [
                "Martlet", "MartletCPU", "MartletOpenCL", "MartletConformance", "MartletExplain", argumentParser, yams,
            ],
            swiftSettings: swift, linkerSettings: [.unsafeFlags(swiftWithinProgram, .when(platforms: [.linux]))]),

        // Feeds damaged files to the readers: `make fuzz`.
        .executableTarget(name: "fuzz", dependencies: ["MartletData", "CZlib"], swiftSettings: swift),

        tests("CoreTests", ["MartletCore", "MartletCPU"]),
        tests("FiguresTests", ["MartletFigures"]),
        tests("DeviceTests", ["Martlet", "MartletCPU", "MartletOpenCL", "MartletConformance"]),
        tests("DataTests", ["MartletData", "CZlib"]),
        tests("NNTests", ["Martlet"]),
        tests("TrainingTests", ["Martlet"]),
        tests("ExplainTests", ["Martlet", "MartletExplain"]),
        // Run the program, which a build of all tests builds too; as a dependency it would impose how it is linked.
        tests("CommandTests", ["Martlet"]),
    ]
)
