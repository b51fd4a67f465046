import Foundation
import MartletData
import Synchronization

/// The regions that selective search proposes in a data set's images, each image searched once.
final class ProposalCache: @unchecked Sendable {
    private let lock = NSLock()
    private let search: SelectiveSearch
    private var found: [String: [BoundingBox]] = [:]
    private var time = 0.0

    private static let searchKey = "martlet.search"

    init(_ search: SelectiveSearch) { self.search = search }

    /// What searching has taken so far.
    var seconds: Double { lock.withLock { time } }

    /// - Parameter name: of the image, different for each.
    func boxes(_ name: String, _ image: Image) -> [BoundingBox] {
        if let known = lock.withLock({ found[name] }) { return known }
        let started = Date(), boxes = search.boxes(in: image)
        lock.withLock {
            found[name] = boxes
            time += Date().timeIntervalSince(started)
        }
        return boxes
    }

    /// Searches all images of a data set, and keeps what was found in a file, so that a run that is gone on with need not search
    /// again. Of a run that is asked to stop the file holds what there is.
    func complete(_ data: any DetectionDataset, _ run: RunContext) throws {
        let file = run.folder.path + "/proposals.safetensors"
        try load(file)
        let missing = (0..<data.count).filter { known(data.annotation(at: $0).name) == nil }
        guard !missing.isEmpty else { return }
        for start in stride(from: 0, to: missing.count, by: run.threads) {
            if run.stop() {
                try save(file)
                throw Interruption()
            }
            let end = min(start + run.threads, missing.count)
            try searchTogether(data, missing[start..<end])
            run.report("searching for regions", end, missing.count)
        }
        try save(file)
    }

    /// Searches images at once, each on a thread.
    private func searchTogether(_ data: any DetectionDataset, _ images: ArraySlice<Int>) throws {
        let failures = Mutex<[Int: any Error]>([:])
        DispatchQueue.concurrentPerform(iterations: images.count) { number in
            let index = images[images.startIndex + number]
            do {
                _ = boxes(data.annotation(at: index).name, try data.image(at: index))
            } catch {
                failures.withLock { $0[index] = error }
            }
        }
        if let first = failures.withLock({ $0.min { $0.key < $1.key } }) { throw first.value }
    }

    /// What was found in an image; nil for one not searched yet.
    func known(_ name: String) -> [BoundingBox]? { lock.withLock { found[name] } }

    /// A file of another search, or one that is damaged, is passed over: it only saves time.
    private func load(_ path: String) throws {
        guard lock.withLock({ found.isEmpty }), FileManager.default.fileExists(atPath: path),
            let file = try? SafeTensors.read(path), file.metadata[Self.searchKey] == search.description
        else { return }
        var stored: [String: [BoundingBox]] = [:]
        for entry in file.entries where entry.shape.count == 2 && entry.shape[1] == 4 {
            guard let values = try? entry.floats() else { return }
            stored[entry.name] = (0..<entry.shape[0]).map {
                BoundingBox(values[4 * $0], values[4 * $0 + 1], values[4 * $0 + 2], values[4 * $0 + 3])
            }
        }
        lock.withLock { found = stored }
    }

    private func save(_ path: String) throws {
        let all = lock.withLock { found }
        try SafeTensors.write(
            all.sorted { $0.key < $1.key }.map { name, boxes in
                TensorToStore(name, shape: [boxes.count, 4], .floats(boxes.flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] }))
            }, metadata: [Self.searchKey: search.description], to: path)
    }
}
