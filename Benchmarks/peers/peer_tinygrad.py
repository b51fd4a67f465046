"""tinygrad as a peer: training steps on its processor backend, each one graph of compiled kernels (TinyJit) on all its threads."""

from importlib.metadata import version

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit, nn
from tinygrad.helpers import NUM_CPU_THREADS

import inputs
from networks import NETWORKS
from serving import Workload, serve


class Builder:
    """The layers of `networks`, with parameters made when they are first met."""

    def __init__(self):
        self.parameters, self.layers, self.position, self.norms = [], [], 0, 0

    def parameter(self, shape, is_bias=False):
        index = self.position
        if index == len(self.parameters):
            self.parameters.append(Tensor(inputs.parameter(shape, is_bias, index)).realize())
        self.position += 1
        return self.parameters[index]

    def conv(self, x, width, kernel, stride=1, padding=0, bias=True):
        w = self.parameter((width, x.shape[1], kernel, kernel))
        return x.conv2d(w, self.parameter((width,), True) if bias else None, stride=stride, padding=padding)

    def linear(self, x, width):
        w = self.parameter((width, x.shape[1]))
        return x.linear(w.transpose(), self.parameter((width,), True))

    def norm(self, x):
        if self.norms == len(self.layers):
            self.layers.append(nn.BatchNorm(x.shape[1]))
        layer = self.layers[self.norms]
        self.norms += 1
        layer.weight, layer.bias = self.parameter((x.shape[1],)), self.parameter((x.shape[1],), True)
        return layer(x)

    relu = staticmethod(lambda x: x.relu())
    pool = staticmethod(lambda x, size, stride, padding=0: x.max_pool2d((size, size), stride, padding=padding))
    flatten = staticmethod(lambda x: x.flatten(1))
    mean = staticmethod(lambda x: x.mean((2, 3)))

    def __call__(self, network, x):
        self.position = self.norms = 0
        return network(self, x)


def train_step(case):
    network, setup = NETWORKS[case["operation"]]
    images, labels = inputs.batch(setup)
    images, labels = Tensor(images).realize(), Tensor(labels.astype(np.int32)).realize()
    builder = Builder()
    builder(network, images[:2])
    optimizer = nn.optim.SGD(builder.parameters, lr=setup["rate"], momentum=setup["momentum"])

    @TinyJit
    def step():
        optimizer.zero_grad()
        loss = builder(network, images).sparse_categorical_crossentropy(labels)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def run():
        with Context(TRAINING=1):
            return step()

    def outputs():
        first = run().numpy()
        norms = [np.sqrt(np.square(p.numpy(), dtype=np.float64).sum()) for p in builder.parameters]
        return [first, run().numpy(), run().numpy()] + norms

    return Workload(run, outputs, Device[Device.DEFAULT].synchronize)


if __name__ == "__main__":
    serve({"name": "tinygrad", "version": f"{version('tinygrad')} on {Device.DEFAULT}", "threads": NUM_CPU_THREADS.value},
          lambda case: train_step(case))
