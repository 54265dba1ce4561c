#include "tests/fuzz/image_seeds.hpp"

#include "engine/image.hpp"
#include "tests/image_files.hpp"

void make_image_seeds(const std::string& folder) {
  namespace make = rf::test;
  rf::Image picture{13, 9, {}};
  for (int i = 0; i < 3 * 13 * 9; ++i) picture.rgb.push_back(static_cast<std::uint8_t>(i * i / 7));
  for (const char* extension : {".jpg", ".png", ".bmp", ".ppm"}) {
    rf::write_image(folder + "/plain" + extension, picture, rf::IfExists::replace);
  }
  const auto write = [&](const std::string& name, const make::Bytes& bytes) {
    rf::write_file(folder + "/" + name, bytes, rf::IfExists::replace);
  };
  const std::vector<int> ramp{0, 50, 100, 150, 200, 255};
  const make::FlatJpeg grey{.width = 24, .height = 16, .components = {ramp}, .extra = {}};
  write("grey.jpg", make::make_jpeg(grey));
  make::FlatJpeg turned = grey;
  turned.extra = make::exif_segment(6, false);
  write("exif_little.jpg", make::make_jpeg(turned));
  turned.extra = make::exif_segment(3, true);
  write("exif_big.jpg", make::make_jpeg(turned));
  write("progressive.jpg", make::make_jpeg({24, 16, {ramp, ramp, ramp}, true, -1, {}}));
  write("cmyk.jpg", make::make_jpeg({24, 16, {ramp, ramp, ramp, ramp}, false, 0, {}}));

  make::Bytes row, rgba, wide;
  make::put(row, {0, 0, 1, 2, 0, 2, 1, 0});
  make::put(rgba, {0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 10, 11, 12, 13, 14, 15, 16});
  make::put(wide, {0, 1, 2, 3, 4, 5, 6});
  make::Bytes palette, transparency, bmp_palette, bmp_rows;
  make::put(palette, {255, 0, 0, 0, 255, 0, 0, 0, 255});
  make::put(transparency, {0, 128});
  make::put(bmp_palette, {0, 0, 255, 0, 255, 0, 0, 0});
  make::put(bmp_rows, {0, 1, 0, 0, 1, 1, 0, 0});
  write("palette.png", make::make_png({3, 2, 8, 3, row, palette, transparency}));
  write("rgba.png", make::make_png({2, 2, 8, 6, rgba, {}, {}}));
  write("wide.png", make::make_png({1, 1, 16, 2, wide, {}, {}}));
  write("palette.bmp", make::make_palette_bmp(3, 2, bmp_palette, bmp_rows));
  make::Bytes pgm;
  make::put_text(pgm, "P5 # wide\n2 1\n1000\n");
  make::put(pgm, {0, 1, 3, 200});
  write("wide.pgm", pgm);
}
