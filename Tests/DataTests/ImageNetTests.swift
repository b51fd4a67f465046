import MartletData
import Testing

@Suite struct ImageNetTests {
    @Test func classesHaveTheirNumbers() {
        #expect(ImageNet.classNames.count == 1000 && Set(ImageNet.classNames).count == 1000)
        #expect(ImageNet.classNames[0] == "tench" && ImageNet.classNames[999] == "toilet tissue")
        #expect(ImageNet.classNames[285] == "Egyptian cat" && ImageNet.classNames[967] == "espresso")
        for (number, name) in ImageNet.classNames.enumerated() { #expect(ImageNet.label(of: name) == Int32(number)) }
    }

    @Test func namesOfFoldersAreUnderstood() {
        #expect(ImageNet.label(of: "ants") == 310 && ImageNet.label(of: "bees") == 309)
        #expect(ImageNet.label(of: "egyptian_cat") == 285 && ImageNet.label(of: "ESPRESSO") == 967)
        #expect(ImageNet.label(of: "7") == 7 && ImageNet.label(of: "1000") == nil && ImageNet.label(of: "-1") == nil)
        // A dog and a garment.
        #expect(ImageNet.label(of: "Cardigan") != ImageNet.label(of: "cardigan"))
        #expect(ImageNet.label(of: "CARDIGAN") == nil && ImageNet.label(of: "gruffalo") == nil && ImageNet.label(of: "") == nil)
    }

    @Test func labelsAreImageNets() throws {
        let images = InMemoryDataset(
            name: "insects", values: [0, 0, 0], sampleShape: [1, 1, 1], labels: [1, 0, 1], classNames: ["ants", "bees"])
        let labelled = try ImageNetLabelled(images)
        #expect((0..<3).map { labelled.label(at: $0) } == [309, 310, 309])
        #expect(labelled.classNames.count == 1000 && labelled.count == 3 && labelled.sampleShape == [1, 1, 1])
        let others = InMemoryDataset(
            name: "others", values: [0], sampleShape: [1, 1, 1], labels: [0], classNames: ["gruffalo"])
        #expect(try dataError { _ = try ImageNetLabelled(others) }?.problem.contains("'gruffalo'") == true)
    }
}
