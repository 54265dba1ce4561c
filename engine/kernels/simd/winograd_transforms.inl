// The three transforms of winograd.inl along one axis, for m = 2, 4 and 6 outputs: of Cook and
// Toom's interpolation in 0, 1, -1, infinity, then also 2, -2, then also 1/2, -1/2.
namespace rf {
namespace {

// B^T d.
inline void winograd_input(const Vec (&d)[4], Vec (&t)[4]) noexcept {
  t[0] = d[0] - d[2];
  t[1] = d[2] + d[1];
  t[2] = d[2] - d[1];
  t[3] = d[3] - d[1];
}

inline void winograd_input(const Vec (&d)[6], Vec (&t)[6]) noexcept {
  const Vec two(2.0F), four(4.0F), five(5.0F);
  const Vec a = xsimd::fnma(four, d[2], d[4]), b = xsimd::fnma(four, d[1], d[3]);
  const Vec c = d[4] - d[2], e = two * (d[3] - d[1]);
  t[0] = xsimd::fma(four, d[0], xsimd::fnma(five, d[2], d[4]));
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = xsimd::fma(four, d[1], xsimd::fnma(five, d[3], d[5]));
}

inline void winograd_input(const Vec (&d)[8], Vec (&t)[8]) noexcept {
  const Vec half(0.5F), two(2.0F), four(4.0F), quarter(0.25F);
  const Vec middle(2.5F), low(1.25F), high(5.0F), outer(4.25F), ends(5.25F);
  const Vec a = xsimd::fnma(outer, d[4], d[2] + d[6]), b = xsimd::fnma(outer, d[3], d[1] + d[5]);
  const Vec c = xsimd::fma(quarter, d[2], xsimd::fnma(low, d[4], d[6])),
            e = xsimd::fma(half, d[1], xsimd::fnma(middle, d[3], two * d[5]));
  const Vec f = xsimd::fma(four, d[2], xsimd::fnma(high, d[4], d[6])),
            g = xsimd::fma(half, d[5], xsimd::fnma(middle, d[3], two * d[1]));
  t[0] = xsimd::fma(ends, d[4] - d[2], d[0] - d[6]);
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = f + g;
  t[6] = f - g;
  t[7] = xsimd::fma(ends, d[3] - d[5], d[7] - d[1]);
}

// G w.
inline void winograd_filter(const Vec (&g)[3], Vec (&t)[4]) noexcept {
  const Vec half(0.5F), sum = g[0] + g[2];
  t[0] = g[0];
  t[1] = half * (sum + g[1]);
  t[2] = half * (sum - g[1]);
  t[3] = g[2];
}

inline void winograd_filter(const Vec (&g)[3], Vec (&t)[6]) noexcept {
  const Vec sum = g[0] + g[2];
  const Vec near = xsimd::fma(Vec(4.0F), g[2], g[0]);
  t[0] = Vec(1.0F / 4) * g[0];
  t[1] = Vec(-1.0F / 6) * (sum + g[1]);
  t[2] = Vec(-1.0F / 6) * (sum - g[1]);
  t[3] = Vec(1.0F / 24) * xsimd::fma(Vec(2.0F), g[1], near);
  t[4] = Vec(1.0F / 24) * xsimd::fnma(Vec(2.0F), g[1], near);
  t[5] = g[2];
}

inline void winograd_filter(const Vec (&g)[3], Vec (&t)[8]) noexcept {
  const Vec two(2.0F), four(4.0F), sum = g[0] + g[2];
  const Vec far = xsimd::fma(four, g[2], g[0]), near = xsimd::fma(four, g[0], g[2]);
  t[0] = g[0];
  t[1] = Vec(-2.0F / 9) * (sum + g[1]);
  t[2] = Vec(-2.0F / 9) * (sum - g[1]);
  t[3] = Vec(1.0F / 90) * xsimd::fma(two, g[1], far);
  t[4] = Vec(1.0F / 90) * xsimd::fnma(two, g[1], far);
  t[5] = Vec(8.0F / 45) * xsimd::fma(two, g[1], near);
  t[6] = Vec(8.0F / 45) * xsimd::fnma(two, g[1], near);
  t[7] = g[2];
}

// A^T m.
inline void winograd_output(const Vec (&m)[4], Vec (&y)[2]) noexcept {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] + m[3];
}

inline void winograd_output(const Vec (&m)[6], Vec (&y)[4]) noexcept {
  const Vec two(2.0F), four(4.0F), eight(8.0F);
  const Vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  y[0] = m[0] + a + c;
  y[1] = xsimd::fma(two, d, b);
  y[2] = xsimd::fma(four, c, a);
  y[3] = xsimd::fma(eight, d, b) + m[5];
}

inline void winograd_output(const Vec (&m)[8], Vec (&y)[6]) noexcept {
  const Vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4], e = m[5] + m[6],
            f = m[5] - m[6];
  y[0] = m[0] + a + c + e;
  y[1] = xsimd::fma(Vec(2.0F), d, xsimd::fma(Vec(1.0F / 2), f, b));
  y[2] = xsimd::fma(Vec(4.0F), c, xsimd::fma(Vec(1.0F / 4), e, a));
  y[3] = xsimd::fma(Vec(8.0F), d, xsimd::fma(Vec(1.0F / 8), f, b));
  y[4] = xsimd::fma(Vec(16.0F), c, xsimd::fma(Vec(1.0F / 16), e, a));
  y[5] = xsimd::fma(Vec(32.0F), d, xsimd::fma(Vec(1.0F / 32), f, b)) + m[7];
}

}  // namespace
}  // namespace rf
