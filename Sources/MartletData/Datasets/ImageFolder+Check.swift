import Foundation
import Synchronization

extension ImageFolder {
    /// Decodes every photo and tells what is wrong with those that cannot be used, in their order.
    ///
    /// - Parameter progress: told how many were read, of how many; from any thread.
    func badFiles(progress: @Sendable (Int, Int) -> Void = { _, _ in }) -> [DataError] {
        let files = files, preparation = preparation
        let next = Atomic<Int>(0), done = Atomic<Int>(0)
        let found = Mutex<[Int: DataError]>([:])
        DispatchQueue.concurrentPerform(iterations: ProcessInfo.processInfo.activeProcessorCount) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < files.count else { return }
                if let problem = ImageFolder.problem(of: files[index], preparation) {
                    found.withLock { $0[index] = problem }
                }
                progress(done.wrappingAdd(1, ordering: .relaxed).newValue, files.count)
            }
        }
        return found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// What is wrong with a photo; nil for nothing. A JPEG file is decoded at an eighth of its size, which reads all of it.
    private static func problem(of file: String, _ preparation: ImagePreparation) -> DataError? {
        do throws(DataError) {
            let reader = try ImageReader(file)
            try preparation.check(width: reader.width, height: reader.height, file: file)
            let reduction = reader.canReduce ? 8 : 1
            let size = reader.size(reducedBy: reduction)
            _ = try reader.part(ImageRegion(left: 0, top: 0, width: size.width, height: size.height), reducedBy: reduction)
            return nil
        } catch {
            return error
        }
    }
}

/// What becomes of photos that cannot be read.
public enum BadPhotos: Sendable, Hashable {
    /// They are refused when they are read.
    case unchecked
    /// Every photo is decoded first, and the first bad one is refused.
    case refuse
    /// Every photo is decoded first, and those that cannot be used are left out.
    case leaveOut
    /// These files are left out, as an earlier look had it.
    case known([String])
}

extension ImageFolder {
    /// Without its bad photos. Throws where none of a class are left.
    func without(_ bad: BadPhotos) throws(DataError) -> (folder: ImageFolder, leftOut: [DataError]) {
        let problems: [DataError]
        switch bad {
        case .unchecked: return (self, [])
        case .leaveOut, .refuse:
            problems = badFiles()
            if bad == .refuse, let first = problems.first { throw first }
        case .known(let files):
            let own = Set(self.files)
            problems = files.filter { own.contains($0) }.map {
                DataError(.damaged, file: $0, problem: "was left out when the run began", remedy: "begin a new run to use it")
            }
        }
        if problems.isEmpty { return (self, []) }
        if let emptied = emptiedClass(without: problems) { throw emptied }
        return (leavingOut(Set(problems.compactMap(\.file))), problems)
    }

    /// An error for a class that has no photo left without the bad ones.
    func emptiedClass(without bad: [DataError]) -> DataError? {
        func present(_ folder: ImageFolder) -> Set<Int32> { Set((0..<folder.count).map { folder.label(at: $0) }) }
        let left = present(leavingOut(Set(bad.compactMap(\.file))))
        return present(self).subtracting(left).min().map { label in
            DataError(
                .damaged, file: name, problem: "no photo of the class \(DataError.quote(classNames[Int(label)])) can be used",
                remedy: "replace them, beginning with \(bad.first?.description ?? "the first")")
        }
    }
}
