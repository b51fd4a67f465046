#include "Filters.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

static double sinc(double x) { return x == 0 ? 1 : sin(x * pi) / (x * pi); }

static double support(martlet_filter filter) {
    switch (filter) {
    case MARTLET_FILTER_BOX: return 0.5;
    case MARTLET_FILTER_BILINEAR: return 1;
    case MARTLET_FILTER_BICUBIC: return 2;
    case MARTLET_FILTER_LANCZOS: return 3;
    }
    return 1;
}

static double weight(martlet_filter filter, double x) {
    const double a = -0.5;
    double distance = fabs(x);
    switch (filter) {
    case MARTLET_FILTER_BOX: return x > -0.5 && x <= 0.5;
    case MARTLET_FILTER_BILINEAR: return distance < 1 ? 1 - distance : 0;
    case MARTLET_FILTER_BICUBIC:
        if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
        return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
    case MARTLET_FILTER_LANCZOS: return distance < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
    return 0;
}

/// The scale of a direction, the half-width of its filter and a target position's reach.
typedef struct {
    double scale, filter_scale, half;
} geometry;

static geometry geometry_of(martlet_axis axis, martlet_filter filter) {
    double scale = (double)axis.source / (double)axis.target, filter_scale = scale < 1 ? 1 : scale;
    return (geometry){scale, filter_scale, support(filter) * filter_scale};
}

static void reach(geometry g, size_t source, size_t position, size_t *start, size_t *end) {
    double center = ((double)position + 0.5) * g.scale, low = center - g.half + 0.5, high = center + g.half + 0.5;
    *start = low < 0 ? 0 : (size_t)low;
    *end = high > (double)source ? source : (size_t)high;
}

void martlet_axis_reach(martlet_axis axis, martlet_filter filter, size_t *start, size_t *count) {
    size_t end, ignored;
    if (axis.source == axis.target) {
        *start = axis.first;
        *count = axis.count;
        return;
    }
    geometry g = geometry_of(axis, filter);
    reach(g, axis.source, axis.first, start, &ignored);
    reach(g, axis.source, axis.first + axis.count - 1, &ignored, &end);
    *count = end - *start;
}

int filter_weights_make(filter_weights *w, martlet_axis axis, martlet_filter filter, size_t origin) {
    geometry g = geometry_of(axis, filter);
    w->length = axis.count;
    w->stride = (size_t)ceil(g.half) * 2 + 1;
    w->starts = malloc(axis.count * sizeof *w->starts);
    w->counts = malloc(axis.count * sizeof *w->counts);
    w->values = calloc(axis.count * w->stride, sizeof *w->values);
    w->exact = calloc(axis.count * w->stride, sizeof *w->exact);
    if (!w->starts || !w->counts || !w->values || !w->exact) return 0;
    for (size_t i = 0; i < axis.count; i++) {
        double *row = w->exact + i * w->stride, center = ((double)(axis.first + i) + 0.5) * g.scale, sum = 0;
        size_t start, end;
        if (axis.source == axis.target) {
            start = axis.first + i;
            end = start + 1;
            row[0] = sum = 1;
        } else {
            reach(g, axis.source, axis.first + i, &start, &end);
            for (size_t j = start; j < end; j++) {
                row[j - start] = weight(filter, ((double)j - center + 0.5) * (1 / g.filter_scale));
                sum += row[j - start];
            }
        }
        for (size_t j = 0; j < end - start; j++) {
            if (sum != 0) row[j] /= sum;
            double value = row[j] * (1 << FILTER_PRECISION);
            w->values[i * w->stride + j] = (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
        }
        w->starts[i] = start - origin;
        w->counts[i] = end - start;
    }
    return 1;
}

void filter_weights_free(filter_weights *w) {
    free(w->starts);
    free(w->counts);
    free(w->values);
    free(w->exact);
}
