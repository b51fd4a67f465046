"""The networks whose training steps are compared, written once for every peer.

A network is a function of a builder and its input. The builder supplies the layers in the peer's own terms, and takes
parameters in the order in which they are met (a convolution's or dense layer's weight and bias, a normalisation's scale and
shift): the order that Martlet's models have.
"""


def mlp(b, x):
    x = b.relu(b.linear(b.flatten(x), 512))
    return b.linear(b.relu(b.linear(x, 512)), 10)


def lenet(b, x):
    x = b.pool(b.relu(b.conv(x, 6, 5, padding=2)), 2, 2)
    x = b.flatten(b.pool(b.relu(b.conv(x, 16, 5)), 2, 2))
    return b.linear(b.relu(b.linear(b.relu(b.linear(x, 120)), 84)), 10)


def alexnet(b, x):
    x = b.pool(b.relu(b.conv(x, 64, 11, stride=4, padding=2)), 3, 2)
    x = b.pool(b.relu(b.conv(x, 192, 5, padding=2)), 3, 2)
    x = b.relu(b.conv(x, 384, 3, padding=1))
    x = b.relu(b.conv(x, 256, 3, padding=1))
    x = b.flatten(b.pool(b.relu(b.conv(x, 256, 3, padding=1)), 3, 2))
    return b.linear(b.relu(b.linear(b.relu(b.linear(x, 4096)), 4096)), 1000)


def vgg16(b, x):
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = b.relu(b.conv(x, width, 3, padding=1))
        x = b.pool(x, 2, 2)
    return b.linear(b.relu(b.linear(b.relu(b.linear(b.flatten(x), 4096)), 4096)), 1000)


def resnet18(b, x):
    x = b.pool(b.relu(b.norm(b.conv(x, 64, 7, stride=2, padding=3, bias=False))), 3, 2, padding=1)
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        y = b.relu(b.norm(b.conv(x, width, 3, stride=stride, padding=1, bias=False)))
        y = b.norm(b.conv(y, width, 3, padding=1, bias=False))
        if stride != 1 or x.shape[1] != width:
            x = b.norm(b.conv(x, width, 1, stride=stride, bias=False))
        x = b.relu(y + x)
    return b.linear(b.mean(x), 1000)


SMALL = {"batch": 128, "input": (1, 28, 28), "classes": 10, "rate": 0.01, "momentum": 0.0}
PHOTO = {"batch": 16, "input": (3, 224, 224), "classes": 1000, "rate": 1e-3, "momentum": 0.9}
# The function, and the setup that Martlet's `TrainStep` has too.
NETWORKS = {"mlp": (mlp, SMALL), "lenet": (lenet, SMALL), "alexnet": (alexnet, PHOTO), "resnet18": (resnet18, PHOTO),
            "vgg16": (vgg16, PHOTO | {"batch": 4})}
