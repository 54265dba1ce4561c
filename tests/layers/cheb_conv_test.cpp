#include "layers/cheb_conv.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "autograd/ops.hpp"
#include "layers/mesh_graph.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Triangle = std::array<Index, 3>;

// A strip of triangles: vertices 0 .. n - 1, triangle i of i, i + 1, i + 2.
std::vector<Triangle> strip(Index vertices) {
  std::vector<Triangle> triangles;
  for (Index i = 0; i + 2 < vertices; ++i) {
    triangles.push_back(i % 2 ? Triangle{i + 1, i, i + 2} : Triangle{i, i + 1, i + 2});
  }
  return triangles;
}

CsrMatrix dense_to_csr(const Tensor& dense) {
  std::vector<CsrMatrix::Triplet> entries;
  const Index n = dense.shape()[0];
  for (Index r = 0; r < n; ++r) {
    for (Index c = 0; c < n; ++c) {
      const double value = dense.data<double>()[r * n + c];
      if (value != 0) entries.push_back({r, c, value});
    }
  }
  return CsrMatrix::from_triplets(n, n, entries);
}

Tensor dense(const CsrMatrix& a) {
  Tensor unit = Tensor::zeros({a.columns(), a.columns()}, DType::f64);
  for (Index i = 0; i < a.columns(); ++i) unit.data<double>()[i * a.columns() + i] = 1;
  return csr_matmul(a, unit);
}

using Way = Var (*)(const CsrPair&, const Var&, const Var&, const Var&);
constexpr std::array<Way, 2> kWays{cheb_conv_by_recurrence, cheb_conv_by_clenshaw};

}  // namespace

TEST_CASE("cheb_conv: a known code's values and gradients, both ways",
          "[cheb_conv][golden][grad]") {
  const Way way = GENERATE(from_range(kWays));
  const auto laplacian = [](const GoldenCase& c) {
    return CsrPair(scaled_laplacian(dense_to_csr(c.get("adjacency", DType::f64))));
  };
  check_golden_gradients("cheb_conv/K6", {"x", "w", "b"},
                         [&](const GoldenCase& c, const std::vector<Var>& in) {
                           return way(laplacian(c), in[0], in[1], in[2]);
                         });
}

TEST_CASE("cheb_conv: gradients by central differences, both ways, every order",
          "[cheb_conv][grad]") {
  const Way way = GENERATE(from_range(kWays));
  const Index order = GENERATE(1, 2, 3, 6);
  const CsrPair laplacian(scaled_laplacian(
      mesh_adjacency(9, strip(9)), GENERATE(Laplacian::normalised, Laplacian::unnormalised)));
  check_gradients(
      [&](const std::vector<Var>& in) { return way(laplacian, in[0], in[1], in[2]); },
      {random_tensor({2, 9, 3}, 1, DType::f64), random_tensor({3 * order, 4}, 2, DType::f64),
       random_tensor({4}, 3, DType::f64)});
}

TEST_CASE("cheb_conv: both ways are the polynomials of the matrix", "[cheb_conv]") {
  const Index n = 17, order = 5;
  const CsrMatrix l = scaled_laplacian(mesh_adjacency(n, strip(n)));
  const Tensor x = random_tensor({1, n, 2}, 1, DType::f64),
               w = random_tensor({2 * order, 3}, 2, DType::f64);
  const Var x_var(x), w_var(w), none{Tensor()};
  // T_k from its closed form, cos(k arccos), on the vectors of an eigenbasis is not at hand; its
  // definition on whole matrices is.
  std::vector<Tensor> t{dense(CsrMatrix::from_triplets(n, n, {})), dense(l)};
  for (Index i = 0; i < n; ++i) t[0].data<double>()[i * n + i] = 1;
  for (Index k = 2; k < order; ++k) {
    const auto last = static_cast<std::size_t>(k) - 1;
    t.push_back(csr_matmul(l, t[last], 2, t[last - 1]));
  }
  Tensor expected = Tensor::zeros({1, n, 3}, DType::f64);
  for (Index v = 0; v < n; ++v) {
    for (Index o = 0; o < 3; ++o) {
      double sum = 0;
      for (Index k = 0; k < order; ++k) {
        for (Index f = 0; f < 2; ++f) {
          for (Index u = 0; u < n; ++u) {
            sum += std::as_const(t[static_cast<std::size_t>(k)]).data<double>()[v * n + u] *
                   x.data<double>()[u * 2 + f] * w.data<double>()[(f * order + k) * 3 + o];
          }
        }
      }
      expected.data<double>()[v * 3 + o] = sum;
    }
  }
  for (const Way way : kWays)
    CHECK(relative_error(way(CsrPair(l), x_var, w_var, none).value(), expected) < 1e-12);
}

TEST_CASE("cheb_conv: an output sees what lies order - 1 edges away, and no further",
          "[cheb_conv]") {
  const Index n = 30, order = 4, at = 15;
  const CsrPair laplacian(scaled_laplacian(mesh_adjacency(n, strip(n))));
  Tensor x = Tensor::zeros({1, n, 1}, DType::f64);
  x.data<double>()[at] = 1;
  const Tensor w = random_tensor({order, 1}, 2, DType::f64);
  for (const Way way : kWays) {
    const Tensor y = way(laplacian, Var(x), Var(w), Var(Tensor())).value();
    for (Index v = 0; v < n; ++v)  // an edge of the strip joins vertices one or two apart
      CHECK((std::abs(y.data<double>()[v]) > 0) == (std::abs(v - at) <= 2 * (order - 1)));
  }
}

TEST_CASE("cheb_conv: tables agree, and any number of threads gives the same bits",
          "[cheb_conv][isa]") {
  const CsrPair laplacian(scaled_laplacian(mesh_adjacency(211, strip(211))));
  const auto [in, out] = GENERATE(std::pair<Index, Index>{19, 33}, std::pair<Index, Index>{64, 7});
  ChebConv layer({.in_features = in, .out_features = out}, laplacian);
  StateDict state = layer.state_dict();
  const Tensor w = random_tensor({6 * in, out}, 3);
  layer.load_state_dict({{"weight", w}, {"bias", random_tensor({out}, 4)}});
  const Tensor x = random_tensor({3, 211, in}, 5);
  const auto forward = [&] { return layer.forward(Var(x)).value(); };
  const auto gradients = [&] {
    const Way way = kWays[out < in];
    return all_gradients(
        [&](const std::vector<Var>& v) { return way(laplacian, v[0], v[1], v[2]); },
        {x, w, random_tensor({out}, 4)});
  };
  check_tables_agree(forward);
  check_tables_agree(gradients);
  check_same_bits_on_any_threads(forward);
  check_same_bits_on_any_threads(gradients);
}

TEST_CASE("cheb_conv: sizes that do not fit are refused", "[cheb_conv][error]") {
  const CsrPair l(scaled_laplacian(mesh_adjacency(5, strip(5))));
  const auto refused = [&](const Shape& x, const Shape& w, const Shape& b,
                           std::initializer_list<const char*> parts) {
    for (const Way way : kWays)
      check_refused(
          [&] {
            (void)way(l, Var(Tensor::zeros(x)), Var(Tensor::zeros(w)), Var(Tensor::zeros(b)));
          },
          parts);
  };
  refused({1, 6, 2}, {4, 3}, {3}, {"[1, 6, 2]", "5 x 5"});
  refused({5, 2}, {4, 3}, {3}, {"[5, 2]", "[N, V, features]"});
  refused({1, 5, 2}, {5, 3}, {3}, {"[5, 3]", "multiple of 2"});
  refused({1, 5, 2}, {4, 3}, {2}, {"bias [2]", "[3]"});
  check_refused<UsageError>([&] { ChebConv({.in_features = 0, .out_features = 3}, l); },
                            {"0 to 3"});
  check_refused<UsageError>([&] { ChebConv({.in_features = 1, .out_features = 3, .order = 0}, l); },
                            {"order 0"});
}

TEST_CASE("mesh graph: adjacency and scaled Laplacians by hand", "[mesh_graph][golden]") {
  // Two triangles that share the edge 1-2; vertex 4 belongs to none.
  const std::vector<Triangle> triangles{{0, 1, 2}, {2, 1, 3}};
  const CsrMatrix a = mesh_adjacency(5, triangles);
  CHECK(same_bits(dense(a), tensor({5, 5}, {0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0,
                                            1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0},
                                   DType::f64)));
  const double x = -1 / std::sqrt(6.0), y = -1.0 / 3;
  CHECK(relative_error(dense(scaled_laplacian(a)),
                       tensor({5, 5}, {0, x, x, 0, 0, x, 0, y, x, 0, x, y, 0,
                                       x, 0, 0, x, x, 0, 0, 0, 0, 0, 0, 0},
                              DType::f64)) < 1e-15);
  // The largest sum of two neighbours' degrees is 6.
  const double t = -1.0 / 3, d2 = 2.0 / 3 - 1;
  CHECK(relative_error(dense(scaled_laplacian(a, Laplacian::unnormalised)),
                       tensor({5, 5}, {d2, t, t, 0, 0, t,  0, t, t, 0, t, t, 0,
                                       t,  0, 0, t, t, d2, 0, 0, 0, 0, 0, -1},
                              DType::f64)) < 1e-15);
  check_refused([&] { (void)mesh_adjacency(3, triangles); }, {"triangle 1", "vertex 3 of 3"});
  check_refused([&] { (void)scaled_laplacian(CsrMatrix::from_triplets(2, 3, {})); }, {"2 x 3"});
}

TEST_CASE("mesh graph: eigenvalues of scaled Laplacians lie in [-1, 1]", "[mesh_graph][property]") {
  const CsrMatrix a = mesh_adjacency(60, strip(60));
  for (const Laplacian kind : {Laplacian::normalised, Laplacian::unnormalised}) {
    const CsrMatrix l = scaled_laplacian(a, kind);
    Tensor x = random_tensor({60, 1}, 3, DType::f64);
    double growth = 0;
    for (int i = 0; i < 300; ++i) {  // power iteration
      const Tensor y = csr_matmul(l, x);
      double before = 0, after = 0;
      for (Index v = 0; v < 60; ++v) {
        before += std::pow(std::as_const(x).data<double>()[v], 2);
        after += std::pow(y.data<double>()[v], 2);
      }
      growth = std::sqrt(after / before);
      x = scale(y, 1 / std::sqrt(after));
    }
    CHECK(growth <= 1 + 1e-12);
    CHECK(growth > 0.8);
  }
}

TEST_CASE("vertex normals: a sphere's point outwards, isolated vertices have none",
          "[mesh_graph][golden]") {
  // An octahedron, counter-clockwise from outside, and a vertex of no triangle.
  const std::vector<Triangle> triangles{{0, 2, 4}, {2, 1, 4}, {1, 3, 4}, {3, 0, 4},
                                        {2, 0, 5}, {1, 2, 5}, {3, 1, 5}, {0, 3, 5}};
  const Tensor v = tensor(
      {1, 7, 3}, {2, 0, 0, -2, 0, 0, 0, 2, 0, 0, -2, 0, 0, 0, 2, 0, 0, -2, 9, 9, 9}, DType::f64);
  const Tensor n = VertexNormals(7, triangles)(Var(v)).value();
  CHECK(relative_error(
            n, tensor({1, 7, 3}, {1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0},
                      DType::f64)) < 1e-15);
  check_gradients([&](const std::vector<Var>& in) { return VertexNormals(6, triangles)(in[0]); },
                  {random_tensor({2, 6, 3}, 5, DType::f64)});
}

}  // namespace rf::test
