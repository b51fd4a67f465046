import Glibc
import MartletCore

extension OpenCLDevice: TunableDevice {
    public var tunableKernels: [TunableKernel] { lock.withLock { families.map(\.kernel) } }

    public var tuningIdentity: String { "\(properties.identity)\n\(deviceClass.rawValue)" }

    public var tuningFolder: String? { tuned?.path }

    public func parameters(of kernel: String, for shapeClass: String) -> KernelParameters {
        lock.withLock { family(kernel)?.get(variants, shapeClass) ?? [:] }
    }

    @discardableResult
    public func use(_ parameters: KernelParameters, of kernel: String, for shapeClass: String, isTrial: Bool) -> Bool {
        lock.withLock {
            variants.isTrial = isTrial
            return family(kernel)?.set(&variants, shapeClass, parameters, isTrial) ?? false
        }
    }

    public func keepParameters(of kernel: String, for shapeClass: String) throws {
        guard let tuned, let source = lock.withLock({ family(kernel)?.kernel.source }) else {
            throw DeviceError(.unavailable, "there is no home folder to keep kernel variants in; set XDG_CACHE_HOME")
        }
        var table = TunedTable(tuningIdentity, in: tuned) ?? TunedTable()
        table.set(
            .init(
                kernel: kernel, shapeClass: shapeClass, source: source,
                parameters: parameters(of: kernel, for: shapeClass)))
        guard table.write(tuningIdentity, in: tuned) else {
            throw DeviceError(
                .unavailable,
                "\(tuned.path): what was found cannot be kept (\(String(cString: strerror(errno)).lowercased())); make room or "
                    + "give another folder by XDG_CACHE_HOME")
        }
    }

    public func firstUseAdvice() -> String? {
        guard let tuned, info.kind != .cpu, deviceClass == .gpuLike else { return nil }
        return OpenCLDevice.firstUseAdvice(info, tuningIdentity, in: tuned)
    }

    /// As the method, for a device of which all that counts is given. That it was said is noted beside the tuned variants.
    package static func firstUseAdvice(_ info: DeviceInfo, _ identity: String, in folder: CacheFolder) -> String? {
        if TunedTable(identity, in: folder) != nil { return nil }
        let note = TunedTable.fileName(identity) + ".seen"
        if folder.read(note, limit: 1 << 10) != nil { return nil }
        folder.write([], to: note)
        return "\(info.name) has not been tuned; `martlet tune --device \(info.id)` looks for faster kernel variants once"
    }

    /// Takes over what tuning found for this device, where its kernels' source is still the same.
    func loadTuned() {
        guard let tuned, let table = TunedTable(tuningIdentity, in: tuned) else { return }
        for entry in table.entries {
            guard let family = family(entry.kernel), family.kernel.source == entry.source else { continue }
            _ = family.set(&variants, entry.shapeClass, entry.parameters, false)
        }
    }

    private func family(_ kernel: String) -> TunableFamily? { families.first { $0.kernel.name == kernel } }
}
