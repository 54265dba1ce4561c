#include "retinaface/dense/portrait.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "engine/math.hpp"
#include "layers/mesh_renderer.hpp"

namespace rf {

namespace {

using Vector = std::array<double, 3>;

constexpr double kFilled = 0.94;  // of the picture's side

void require(bool condition, const std::string& what) {
  if (!condition) throw UsageError("portrait: " + what);
}

void check_view(const PortraitView& view) {
  const auto within = [](const char* name, double value, double low, double high) {
    require(value >= low && value <= high,
            message(name, " ", value, " is outside [", low, ", ", high, "]"));
  };
  within("yaw", view.yaw, -180, 180);
  within("pitch", view.pitch, -180, 180);
  within("roll", view.roll, -180, 180);
  within("focal length", view.focal, 0.1, 100);
  within("ambient light", view.ambient, 0, 1);
  for (const double x : view.light) within("place of the light", x, -1e6, 1e6);
  require(view.size >= 1 && view.samples >= 1 && view.size <= kLargestPortrait / view.samples,
          message(view.size, " pixels of ", view.samples, " samples a side: both are at least 1, ",
                  "their product at most ", kLargestPortrait));
}

// (u, v) turned by this angle, from u towards v.
void turn(double degrees, double& u, double& v) {
  const double turns = degrees / 360;
  const double c = cos_turns(turns), quarter = turns - 0.25,
               s = cos_turns(quarter < -0.5 ? quarter + 1 : quarter);
  const double before = u;
  u = c * u - s * v;
  v = s * before + c * v;
}

// The vertices as the viewer sees them.
std::vector<Vector> turned_places(const Tensor& mesh, const PortraitView& view) {
  const float* row = mesh.data<float>();
  std::vector<Vector> places;
  for (Index v = 0; v < mesh.shape()[0]; ++v, row += 6) {
    for (Index i = 0; i < 6; ++i)
      RF_CHECK_SHAPE(std::isfinite(row[i]), "portrait", "vertex ", v, " holds the number ", row[i]);
    Vector p{static_cast<double>(row[0]), static_cast<double>(row[1]), static_cast<double>(row[2])};
    turn(view.yaw, p[2], p[0]);
    turn(view.pitch, p[2], p[1]);
    turn(view.roll, p[1], p[0]);
    places.push_back(p);
  }
  return places;
}

// Moves and scales so that the longest side of the box goes from -1 to 1, around its middle: as
// floats, coordinates are then neither too large nor too small for what comes.
void fit_into_unit_box(std::vector<Vector>& places, const std::vector<bool>& seen) {
  Vector low, high;
  low.fill(std::numeric_limits<double>::infinity());
  high.fill(-low[0]);
  for (std::size_t v = 0; v < places.size(); ++v) {
    for (std::size_t i = 0; seen[v] && i < 3; ++i) {
      low[i] = std::min(low[i], places[v][i]);
      high[i] = std::max(high[i], places[v][i]);
    }
  }
  double largest = 0;
  for (std::size_t i = 0; i < 3; ++i) largest = std::max(largest, (high[i] - low[i]) / 2);
  RF_CHECK_SHAPE(largest > 0, "portrait", "all vertices are in the same place");
  for (Vector& p : places) {
    for (std::size_t i = 0; i < 3; ++i) p[i] = (p[i] - (low[i] + high[i]) / 2) / largest;
  }
}

// How far the middle of the mesh must be from a camera so that every vertex is in the picture:
// |focal x / (distance - z)| <= filled / 2.
double distance(const std::vector<Vector>& places, const std::vector<bool>& seen, double focal) {
  constexpr double kNearest = 0.01;  // of any vertex, so that a line along z is in front of it too
  double distance = 0;
  for (std::size_t v = 0; v < places.size(); ++v) {
    const Vector& p = places[v];
    const double aside = std::max(std::abs(p[0]), std::abs(p[1]));
    if (seen[v])
      distance = std::max(distance, p[2] + std::max(kNearest, 2 * focal * aside / kFilled));
  }
  return distance;
}

ag::Var row_of(std::initializer_list<double> numbers) {
  const std::vector<float> row(numbers.begin(), numbers.end());
  return ag::Var(Tensor::from({1, static_cast<Index>(row.size())}, std::span<const float>(row)));
}

ag::Var turned_mesh(const Tensor& mesh, const std::vector<Vector>& places) {
  Tensor turned = Tensor::empty({1, mesh.shape()[0], 6});
  float* to = turned.data<float>();
  const float* from = mesh.data<float>();
  for (const Vector& p : places) {
    for (const double x : p) *to++ = static_cast<float>(x);
    to = std::copy_n(from + 3, 3, to);
    from += 6;
  }
  return ag::Var(turned);
}

// Each pixel the mean of its samples.
Image averaged(const RenderedMeshes& rendered, const PortraitView& view) {
  const Index samples = view.samples, side = view.size * samples;
  const Tensor& colours = rendered.colour.value();
  const float* colour = colours.data<float>();
  const Index* triangle = std::as_const(rendered.triangle).data<Index>();
  Image image{.width = view.size, .height = view.size, .rgb = {}};
  for (Index y = 0; y < view.size; ++y) {
    for (Index x = 0; x < view.size; ++x) {
      Vector sum{};
      for (Index k = 0; k < samples * samples; ++k) {
        const Index sample = (y * samples + k / samples) * side + x * samples + k % samples;
        for (std::size_t i = 0; i < 3; ++i)
          sum[i] +=
              triangle[sample] < 0
                  ? view.background[i]
                  : 255 * std::clamp(static_cast<double>(colour[3 * sample + Index(i)]), 0., 1.);
      }
      for (const double channel : sum)
        image.rgb.push_back(static_cast<std::uint8_t>(
            std::lround(channel / static_cast<double>(samples * samples))));
    }
  }
  return image;
}

}  // namespace

Image portrait(const Tensor& mesh, std::span<const std::array<Index, 3>> triangles,
               const PortraitView& view) {
  const Shape& s = mesh.shape();
  RF_CHECK_SHAPE(s.rank() == 2 && s[1] == 6 && mesh.dtype() == DType::f32, "portrait", "mesh ", s,
                 " of ", mesh.dtype(), " must be f32 [V, 6]");
  check_view(view);
  RF_CHECK_SHAPE(!triangles.empty(), "portrait", "the mesh has no triangle");
  const MeshRenderer renderer(s[0], triangles);
  std::vector<bool> seen(static_cast<std::size_t>(s[0]));  // vertices of triangles
  for (const auto& corners : triangles) {
    for (const Index v : corners) seen[static_cast<std::size_t>(v)] = true;
  }
  std::vector<Vector> places = turned_places(mesh, view);
  fit_into_unit_box(places, seen);
  const double direct = 1 - view.ambient;
  const ag::Var camera = row_of({0, 0, distance(places, seen, view.focal), 0, 0, 0, view.focal});
  const ag::Var light = row_of({view.light[0], view.light[1], view.light[2], direct, direct, direct,
                                view.ambient, view.ambient, view.ambient});
  const ag::NoGradScope no_grad;
  return averaged(renderer(turned_mesh(mesh, places), camera, light, view.size * view.samples),
                  view);
}

Image contact_sheet(std::span<const Image> pictures, Index columns,
                    const std::array<std::uint8_t, 3>& background) {
  RF_CHECK_SHAPE(!pictures.empty() && columns >= 1, "contact_sheet", pictures.size(),
                 " pictures in ", columns, " columns");
  const Index count = static_cast<Index>(pictures.size()), width = pictures[0].width,
              height = pictures[0].height;
  for (const Image& picture : pictures) {
    RF_CHECK_SHAPE(picture.width == width && picture.height == height, "contact_sheet",
                   "a picture of ", picture.width, " x ", picture.height, " beside one of ", width,
                   " x ", height);
  }
  std::vector<std::uint8_t> empty_line;
  for (Index i = 0; i < width; ++i)
    empty_line.insert(empty_line.end(), background.begin(), background.end());
  const Index rows = (count + columns - 1) / columns;
  Image sheet{.width = columns * width, .height = rows * height, .rgb = {}};
  for (Index y = 0; y < sheet.height; ++y) {
    for (Index column = 0; column < columns; ++column) {
      const Index i = y / height * columns + column;
      const std::uint8_t* from =
          i < count ? pictures[static_cast<std::size_t>(i)].rgb.data() + 3 * (y % height) * width
                    : empty_line.data();
      sheet.rgb.insert(sheet.rgb.end(), from, from + 3 * width);
    }
  }
  return sheet;
}

Tensor coloured_vertices(const TriangleMesh& mesh) {
  constexpr double kGrey = 0.7;
  Tensor rows = Tensor::empty({static_cast<Index>(mesh.vertices.size()), 6});
  float* to = rows.data<float>();
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    for (const double x : mesh.vertices[v]) *to++ = static_cast<float>(x);
    for (std::size_t i = 0; i < 3; ++i)
      *to++ = static_cast<float>(mesh.colours.empty() ? kGrey : mesh.colours[v][i]);
  }
  return rows;
}

TriangleMesh as_triangle_mesh(const Tensor& mesh, std::span<const std::array<Index, 3>> triangles) {
  const Shape& s = mesh.shape();
  RF_CHECK_SHAPE(s.rank() == 2 && s[1] == 6, "as_triangle_mesh", "mesh ", s, " must be [V, 6]");
  TriangleMesh result{
      .vertices = {}, .triangles = {triangles.begin(), triangles.end()}, .colours = {}};
  const float* row = mesh.data<float>();
  const auto three = [&] {
    Vector v{};
    for (double& x : v) x = static_cast<double>(*row++);
    return v;
  };
  for (Index v = 0; v < s[0]; ++v) {
    result.vertices.push_back(three());
    result.colours.push_back(three());
  }
  return result;
}

}  // namespace rf
