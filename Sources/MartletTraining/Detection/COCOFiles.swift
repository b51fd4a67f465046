import Foundation
import MartletData

/// What images show and what was found in them, as COCO's tools read it: `annotations.json`, and `detections.json` in the format of
/// results. Images and classes are numbered from 1.
struct COCOFiles {
    let evaluation: DetectionEvaluation
    let classes: [String]

    /// Writes both files into a folder, which is made where there is none.
    func write(to folder: String) throws {
        try Folder.create(folder, called: "--set coco_files=\(folder)", remedy: "give another place")
        try AtomicFile.write(annotations.text.utf8, to: folder + "/annotations.json")
        try AtomicFile.write(detections.text.utf8, to: folder + "/detections.json")
    }

    private var annotations: JSON {
        let images = evaluation.images.enumerated().map { number, image -> JSON in
            [
                "id": .integer(number + 1), "file_name": .string(fileName(image)), "width": .integer(image.width),
                "height": .integer(image.height),
            ]
        }
        var objects: [JSON] = []
        for (number, truths) in evaluation.record.truths.enumerated() {
            for truth in truths {
                objects.append([
                    "id": .integer(objects.count + 1), "image_id": .integer(number + 1), "category_id": .integer(truth.label + 1),
                    "bbox": box(truth.box), "area": .number(Double(truth.area)), "iscrowd": .integer(truth.isCrowd ? 1 : 0),
                    "ignore": .integer(truth.isDifficult ? 1 : 0),
                ])
            }
        }
        let categories = classes.enumerated().map { number, name -> JSON in
            ["id": .integer(number + 1), "name": .string(name)]
        }
        return ["images": .array(images), "annotations": .array(objects), "categories": .array(categories)]
    }

    /// Within the folder of images.
    private func fileName(_ image: ImageAnnotation) -> String {
        image.name.hasPrefix("/") ? URL(fileURLWithPath: image.name).lastPathComponent : image.name
    }

    private var detections: JSON {
        .array(
            evaluation.record.detections.enumerated().flatMap { number, found in
                found.map { object -> JSON in
                    [
                        "image_id": .integer(number + 1), "category_id": .integer(object.label + 1), "bbox": box(object.box),
                        "score": .number(Double(object.score)),
                    ]
                }
            })
    }

    /// Corner, width and height. In float64 the other corner can be had back exactly.
    private func box(_ box: BoundingBox) -> JSON {
        let x = Double(box.x1), y = Double(box.y1)
        return [.number(x), .number(y), .number(Double(box.x2) - x), .number(Double(box.y2) - y)]
    }
}
