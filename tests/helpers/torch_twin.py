"""A PyTorch network with the weights of one of ours: layer, tanh, layer, mean squared error."""


class TorchTwin:
    """Trained beside ours, by an optimizer of PyTorch that takes `parameters`."""

    def __init__(self, torch, net):
        self.torch = torch
        self.parameters = [
            torch.tensor(p, requires_grad=True) for layer in net.layers for p in (layer.W, layer.b)
        ]

    def differentiate(self, x, y):
        """Set the gradients of the mean over samples and outputs of (a - y)^2."""
        W1, b1, W2, b2 = self.parameters
        for p in self.parameters:
            p.grad = None
        a = self.torch.tanh(self.torch.tensor(x) @ W1.T + b1) @ W2.T + b2
        ((a - self.torch.tensor(y)) ** 2).mean().backward()

    @property
    def W(self):
        return [p.detach().numpy() for p in self.parameters[::2]]

    @property
    def b(self):
        return [p.detach().numpy() for p in self.parameters[1::2]]


def random_batches(rng, steps, n_in, n_out):
    """Mini-batches of 1 to 20 samples."""
    for step in range(steps):
        S = 1 + step % 20
        yield rng.normal(size=(S, n_in)), rng.normal(size=(S, n_out))
