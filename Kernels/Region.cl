// Regions of images x [n, c, h, w] in parts y [k, c, rows, columns] by boxes [k, 5] (an image's number, x1, y1, x2, y2).
//
// CPU_LIKE devices: sixteen channels of an image are laid out as a block [position][channel] first (RegionBlocks.cl), and a
// work-item takes a part of sixteen channels as one vector; gradients are spread by the one work-item that owns a plane or block.
// Others: a work-item owns an element; gradients are gathered from all boxes' parts that cover it.
#include "Quotient.cl"

#define REGION_ARGUMENTS const int n, const int c, const int h, const int w, const ulong boxes, const int rows,  \
    const int columns, const float scale
// The image that box k is in; -1 for one that is not there.
#define IMAGE_OF(k) (places[5 * (k)] >= 0 && places[5 * (k)] < (float)n ? (int)places[5 * (k)] : -1)

typedef struct { int begin, end; } Range;

// Declares which part, of which box's channel, an item is: (i, j) of box k.
#define OF_PART(item)                                                                            \
    const Number line = (item) / (Number)columns, above = line / (Number)rows;                   \
    const int i = (int)(line - above * (Number)rows), j = (int)((item) - line * (Number)columns);\
    const Number k = above / (Number)c, channel = above - k * (Number)c
// Declares which element, of which image's channel, an item is.
#define OF_ELEMENT(item)                                                                         \
    const Number line = (item) / (Number)w, above = line / (Number)h;                            \
    const int row = (int)(line - above * (Number)h), column = (int)((item) - line * (Number)w);  \
    const int image = (int)(above / (Number)c);                                                  \
    const Number channel = above - (Number)image * (Number)c
