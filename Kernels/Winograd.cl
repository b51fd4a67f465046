// Winograd's convolution F(TILE x TILE, TAPS x TAPS) (Lavin and Gray, arXiv:1509.09308): the transforms along one axis.
//
// y = out(weight(g) * in(d)): an output tile of TILE pixels from SPAN = TILE + TAPS - 1 pixels d and TAPS taps g takes SPAN
// products instead of TAPS TILE; along two axes the SPAN^2 products of a tile and a pair of channels become SPAN^2 matrix
// products over all tiles and channels. The weights' gradient is the transpose: weightGradient(outGradient(dy) * in(d)).
//
// TILE, TAPS  2, 3 at the points 0, 1, -1, infinity; 4, 3 or 2, 5 at the points 0, +-3/4, +-3/2, infinity: half the
//             rounding error of 0, +-1, +-2, and all but the weights' factors are exact.
//
// For WinogradPanels.cl and WinogradTile.cl, before which this file comes; they define `Value`, a float or a vector.
#define SPAN (TILE + TAPS - 1)

#if SPAN == 4
#define TRANSFORM_IN(d, v)                                              \
    {                                                                   \
        v[0] = d[0] - d[2];                                             \
        v[1] = d[1] + d[2];                                             \
        v[2] = d[2] - d[1];                                             \
        v[3] = d[1] - d[3];                                             \
    }
#define TRANSFORM_OUT(p, y)                                             \
    {                                                                   \
        y[0] = p[0] + p[1] + p[2];                                      \
        y[1] = p[1] - p[2] - p[3];                                      \
    }
#define TRANSFORM_OUT_GRADIENT(y, p)                                    \
    {                                                                   \
        p[0] = y[0];                                                    \
        p[1] = y[0] + y[1];                                             \
        p[2] = y[0] - y[1];                                             \
        p[3] = -y[1];                                                   \
    }
#define TRANSFORM_WEIGHT(g, u)                                          \
    {                                                                   \
        const Value even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];     \
        u[0] = g[0];                                                    \
        u[1] = even + odd;                                              \
        u[2] = even - odd;                                              \
        u[3] = g[2];                                                    \
    }
#define TRANSFORM_WEIGHT_GRADIENT(u, g)                                 \
    {                                                                   \
        const Value even = 0.5f * (u[1] + u[2]);                        \
        g[0] = u[0] + even;                                             \
        g[1] = 0.5f * (u[1] - u[2]);                                    \
        g[2] = even + u[3];                                             \
    }
#else
#define TRANSFORM_IN(d, v)                                                                          \
    {                                                                                               \
        const Value even1 = fma(d[2], -2.25f, d[4]), odd1 = 0.75f * fma(d[1], -2.25f, d[3]);        \
        const Value even2 = fma(d[2], -0.5625f, d[4]), odd2 = 1.5f * fma(d[1], -0.5625f, d[3]);     \
        v[0] = fma(d[0], 1.265625f, fma(d[2], -2.8125f, d[4]));                                     \
        v[1] = even1 + odd1;                                                                        \
        v[2] = even1 - odd1;                                                                        \
        v[3] = even2 + odd2;                                                                        \
        v[4] = even2 - odd2;                                                                        \
        v[5] = fma(d[1], 1.265625f, fma(d[3], -2.8125f, d[5]));                                     \
    }
#if TAPS == 3
#define TRANSFORM_OUT(p, y)                                                                         \
    {                                                                                               \
        const Value even1 = p[1] + p[2], odd1 = p[1] - p[2];                                        \
        const Value even2 = p[3] + p[4], odd2 = p[3] - p[4];                                        \
        y[0] = p[0] + even1 + even2;                                                                \
        y[1] = fma(odd2, 1.5f, 0.75f * odd1);                                                       \
        y[2] = fma(even2, 2.25f, 0.5625f * even1);                                                  \
        y[3] = fma(odd2, 3.375f, fma(odd1, 0.421875f, p[5]));                                       \
    }
#define TRANSFORM_OUT_GRADIENT(y, p)                                                                \
    {                                                                                               \
        const Value even1 = fma(y[2], 0.5625f, y[0]), odd1 = fma(y[3], 0.421875f, 0.75f * y[1]);    \
        const Value even2 = fma(y[2], 2.25f, y[0]), odd2 = fma(y[3], 3.375f, 1.5f * y[1]);          \
        p[0] = y[0];                                                                                \
        p[1] = even1 + odd1;                                                                        \
        p[2] = even1 - odd1;                                                                        \
        p[3] = even2 + odd2;                                                                        \
        p[4] = even2 - odd2;                                                                        \
        p[5] = y[3];                                                                                \
    }
#define TRANSFORM_WEIGHT(g, u)                                                                      \
    {                                                                                               \
        const Value even1 = fma(g[0], -128.0f / 243, g[2] * (-8.0f / 27));                          \
        const Value even2 = fma(g[0], 32.0f / 243, g[2] * (8.0f / 27));                             \
        const Value odd1 = g[1] * (-32.0f / 81), odd2 = g[1] * (16.0f / 81);                        \
        u[0] = g[0] * (64.0f / 81);                                                                 \
        u[1] = even1 + odd1;                                                                        \
        u[2] = even1 - odd1;                                                                        \
        u[3] = even2 + odd2;                                                                        \
        u[4] = even2 - odd2;                                                                        \
        u[5] = g[2];                                                                                \
    }
#define TRANSFORM_WEIGHT_GRADIENT(u, g)                                                             \
    {                                                                                               \
        const Value even1 = u[1] + u[2], odd1 = u[1] - u[2], even2 = u[3] + u[4], odd2 = u[3] - u[4]; \
        g[0] = fma(u[0], 64.0f / 81, fma(even2, 32.0f / 243, even1 * (-128.0f / 243)));             \
        g[1] = fma(odd2, 16.0f / 81, odd1 * (-32.0f / 81));                                         \
        g[2] = fma(even2 - even1, 8.0f / 27, u[5]);                                                 \
    }
#else
#define TRANSFORM_OUT(p, y)                                                                         \
    {                                                                                               \
        const Value even1 = p[1] + p[2], odd1 = p[1] - p[2];                                        \
        const Value even2 = p[3] + p[4], odd2 = p[3] - p[4];                                        \
        y[0] = p[0] + even1 + even2;                                                                \
        y[1] = fma(odd2, 1.5f, fma(odd1, 0.75f, p[5]));                                             \
    }
#define TRANSFORM_OUT_GRADIENT(y, p)                                                                \
    {                                                                                               \
        const Value odd1 = 0.75f * y[1], odd2 = 1.5f * y[1];                                        \
        p[0] = y[0];                                                                                \
        p[1] = y[0] + odd1;                                                                         \
        p[2] = y[0] - odd1;                                                                         \
        p[3] = y[0] + odd2;                                                                         \
        p[4] = y[0] - odd2;                                                                         \
        p[5] = y[1];                                                                                \
    }
#define TRANSFORM_WEIGHT(g, u)                                                                      \
    {                                                                                               \
        const Value even1 = fma(g[0], -128.0f / 243, fma(g[2], -8.0f / 27, g[4] * (-1.0f / 6)));    \
        const Value even2 = fma(g[0], 32.0f / 243, fma(g[2], 8.0f / 27, g[4] * (2.0f / 3)));        \
        const Value odd1 = fma(g[1], -32.0f / 81, g[3] * (-2.0f / 9));                              \
        const Value odd2 = fma(g[1], 16.0f / 81, g[3] * (4.0f / 9));                                \
        u[0] = g[0] * (64.0f / 81);                                                                 \
        u[1] = even1 + odd1;                                                                        \
        u[2] = even1 - odd1;                                                                        \
        u[3] = even2 + odd2;                                                                        \
        u[4] = even2 - odd2;                                                                        \
        u[5] = g[4];                                                                                \
    }
#define TRANSFORM_WEIGHT_GRADIENT(u, g)                                                             \
    {                                                                                               \
        const Value even1 = u[1] + u[2], odd1 = u[1] - u[2], even2 = u[3] + u[4], odd2 = u[3] - u[4];\
        g[0] = fma(u[0], 64.0f / 81, fma(even2, 32.0f / 243, even1 * (-128.0f / 243)));             \
        g[1] = fma(odd2, 16.0f / 81, odd1 * (-32.0f / 81));                                         \
        g[2] = (8.0f / 27) * (even2 - even1);                                                       \
        g[3] = fma(odd2, 4.0f / 9, odd1 * (-2.0f / 9));                                             \
        g[4] = fma(even2, 2.0f / 3, fma(even1, -1.0f / 6, u[5]));                                   \
    }
#endif
#endif
