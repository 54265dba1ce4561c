// A picture in floats while it is put together and spoiled as cameras do: rendered meshes laid over
// it, blur, contrast, noise.
#pragma once

#include <vector>

#include "engine/image.hpp"
#include "engine/random.hpp"
#include "layers/mesh_renderer.hpp"

namespace rf {

// Numbers that look like noise: a table of N(0, 1) made once, of which every row of a picture takes
// a piece from a random place. New ones for each pixel would take longer than all the rest.
class NoiseTable {
 public:
  explicit NoiseTable(std::uint64_t seed);
  // `count` numbers, at most kLongest.
  [[nodiscard]] const float* piece(Random& random) const;
  static constexpr Index kLongest = Index{3} * 2048;

 private:
  std::vector<float> numbers_;
};

class FloatPicture {
 public:
  explicit FloatPicture(const Image& image);

  // Lays a picture of a mesh over this one, its upper left corner at pixel (x, y). It is `samples`
  // times as large each way, and the mean of its pixels counts; those without a mesh show what was
  // there. With one sample, outlines are smoothed: pixels whose eight neighbours are not all of the
  // mesh, or not all of the ground, get a mean of nine, (1 2 1) / 4 each way. Parts outside of this
  // picture are cut off. `meshes` holds one picture whose side is a multiple of `samples`.
  void lay_over(const RenderedMeshes& meshes, Index samples, Index x, Index y);

  // Gaussian of this standard deviation in pixels, out to 3 of them; the border's pixels go on
  // outside. 0 changes nothing.
  void blur(double deviation);

  // gain (value - 128) + 128 + offset + noise N(0, 1) of every number.
  struct Tone {
    float gain = 1, offset = 0, noise = 0;
  };
  void change(const Tone& tone, const NoiseTable& noise, Random& random);

  // Rounded to nearest, limited to 0 .. 255.
  [[nodiscard]] Image image() const;

 private:
  Index width_, height_;
  std::vector<float> rgb_;  // 0 .. 255, as Image::rgb
};

}  // namespace rf
