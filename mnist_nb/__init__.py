"""From the pixels of a handwritten digit to a trained ResNet: a course book in Jupyter notebooks

```python
from mnist_nb.data import load_sample
from mnist_nb.ladder import measure

images, labels = load_sample('valid')  # 2,038 images of 3s and 7s, 28 × 28 bytes each
# your model: images in, scores out, above 0 for a 3
rung = measure('always a 3', lambda x: x.new_ones(len(x)))
rung.errors
```

Modules:

- `mnist_nb.baseline`: Average all 3s, average all 7s, and ask which average a new digit is closer to. How far does that get you?
- `mnist_nb.cnn`: What do you get without designing anything? fastai's whole toolkit, a network of 18 layers that somebody else thought up, and then every model of this book side by side.
- `mnist_nb.convolution`: A kernel of nine weights that slides over the image, by hand; a small network of such kernels; and the recipe that makes it better than anything so far.
- `mnist_nb.data`: How the handwritten digits reach your disk, and how you know that they are the right ones
- `mnist_nb.ladder`: One instrument for all models: the same images, the same rule, one table, one picture
- `mnist_nb.linear`: One weight for every pixel, a loss that has a gradient, and a training loop written by hand
- `mnist_nb.lottery`: The headline numbers of the whole book, drawn over and over, and what one may conclude from a single draw
- `mnist_nb.optimizer`: Hand the loop over to PyTorch and fastai, one part at a time, and check at each handover that nothing has changed
- `mnist_nb.pixels`: An image is a grid of numbers. This chapter shows you the grid, and the two tools for working with it.
- `mnist_nb.relu_net`: Two linear layers with a bend between them ought to beat a line. Do they? A detective story.
- `mnist_nb.sgd`: How a model finds good weights: measure how wrong it is, find out which way is better, take a small step, repeat.
- `mnist_nb.ten_digits`: The whole ladder once more, for ten digits; the images that every model gets wrong, and what people say; and a look back."""

__version__ = "0.2.0"
