// Batch, group and layer normalisation of x [n, c, s], and their gradients: what the parts share.
//
// Where s is large, each of the n * c planes of s elements is read along its positions (NormalizationPlanes.cl); planes are cut
// into pieces, so that few planes keep a device busy too. Where s is small, x is a matrix of n rows and c * s columns, read along
// the rows for layer and group normalisation (NormalizationRows.cl) and down the columns for batch normalisation
// (NormalizationColumns.cl); what belongs to a channel is first spread over its s columns. Statistics over several work-groups
// leave partial results that a second kernel joins in a fixed order (NormalizationChannels.cl).
//
// GROUP  work-items that share a row or a tile of planes: a power of two. 1: no local memory and no barrier.
// VEC    width of a load: 16 on CPU-like devices; on GPU-like devices 4 along rows and planes, 1 over columns.

// Joins the moments of a part B, of floats or vectors of them, to those of the parts before (Chan et al., "Updating formulae",
// 1979).
#define JOIN(floats, count, mean, squares, countB, meanB, squaresB)                             \
    do {                                                                                        \
        const float share = (countB) / ((count) + (countB));                                    \
        const floats delta = (meanB) - (mean);                                                  \
        mean += delta * share;                                                                  \
        squares += (squaresB) + delta * delta * ((count) * share);                              \
    } while (0)
