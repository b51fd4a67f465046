#include "Color.h"

#include <math.h>

#include "Lanes.h"

MARTLET_INLINE float unit(float value) { return value < 0 ? 0 : value > 1 ? 1 : value; }
MARTLET_INLINE float larger(float a, float b) { return a > b ? a : b; }
MARTLET_INLINE float smaller(float a, float b) { return a < b ? a : b; }
MARTLET_INLINE float grey(float red, float green, float blue) { return 0.2989f * red + 0.587f * green + 0.114f * blue; }

MARTLET_CLONES void martlet_color_brightness(float *values, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) values[i] = unit(values[i] * factor);
}

/// In double, so that the order of summation does not show.
MARTLET_CLONES static double grey_sum(const float *values, size_t area, size_t channels) {
    enum { partial = 16 };
    double sums[partial] = {0}, sum = 0;
    size_t second = channels == 3 ? area : 0, third = 2 * second, i = 0;
    for (; i + partial <= area; i += partial) {
        for (size_t j = 0; j < partial; j++) {
            const float *at = values + i + j;
            sums[j] += channels == 3 ? grey(at[0], at[second], at[third]) : at[0];
        }
    }
    for (; i < area; i++) sum += channels == 3 ? grey(values[i], values[i + second], values[i + third]) : values[i];
    for (int j = 0; j < partial; j++) sum += sums[j];
    return sum;
}

MARTLET_CLONES static void blend(float *values, size_t count, float factor, float other) {
    for (size_t i = 0; i < count; i++) values[i] = unit(factor * values[i] + other);
}

void martlet_color_contrast(float *values, size_t area, size_t channels, float factor) {
    float mean = (float)(grey_sum(values, area, channels) / (double)area);
    blend(values, area * channels, factor, (1 - factor) * mean);
}

MARTLET_CLONES void martlet_color_saturation(float *values, size_t area, float factor) {
    float *restrict red = values, *restrict green = values + area, *restrict blue = values + 2 * area;
    for (size_t i = 0; i < area; i++) {
        float other = (1 - factor) * grey(red[i], green[i], blue[i]);
        red[i] = unit(factor * red[i] + other);
        green[i] = unit(factor * green[i] + other);
        blue[i] = unit(factor * blue[i] + other);
    }
}

/// A channel of the colour of hue h (from 0 to 1), saturation s and value v; `sector` is 5 for red, 3 for green, 1 for blue.
MARTLET_INLINE float channel(float sector, float h, float s, float v) {
    float k = sector + h * 6;
    k = k >= 6 ? k - 6 : k;
    float ramp = smaller(k, 4 - k);
    return v - v * s * unit(ramp);
}

MARTLET_CLONES void martlet_color_hue(float *values, size_t area, float turns) {
    float *restrict red = values, *restrict green = values + area, *restrict blue = values + 2 * area;
    for (size_t i = 0; i < area; i++) {
        float r = red[i], g = green[i], b = blue[i];
        float most = larger(r, larger(g, b)), least = smaller(r, smaller(g, b)), range = most - least;
        float divisor = range > 0 ? range : 1, s = most > 0 ? range / most : 0;
        float h = most == r ? (g - b) / divisor : most == g ? 2 + (b - r) / divisor : 4 + (r - g) / divisor;
        h = h / 6 + 1 + turns;
        h -= floorf(h);
        red[i] = channel(5, h, s, most);
        green[i] = channel(3, h, s, most);
        blue[i] = channel(1, h, s, most);
    }
}
