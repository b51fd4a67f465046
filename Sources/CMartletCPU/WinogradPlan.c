#include "WinogradTiles.h"

// How many tiles a block has at most, and what its transformed values may take.
#ifndef MOST_TILES
#define MOST_TILES 128
#endif

void martlet_winograd_divide(martlet_winograd *w, int64_t threads) {
    w->tiles_y = (w->rows + w->tile - 1) / w->tile;
    w->tiles_x = (w->columns + w->tile - 1) / w->tile;
    int64_t most = MOST_TILES, all = w->images * w->tiles_y;
    w->column_blocks = (w->tiles_x + most - 1) / most;
    int64_t columns = (w->tiles_x + w->column_blocks - 1) / w->column_blocks, rows = larger(1, most / columns);
    w->row_blocks = (all + rows - 1) / rows;
    w->parts = 1;
    int64_t blocks = w->row_blocks * w->column_blocks * w->groups;
    if (blocks < threads) w->parts = smaller(martlet_winograd_panels(w), (threads + blocks - 1) / blocks);
    else if (blocks % threads && blocks < 8 * threads) {
        int64_t each = w->column_blocks * w->groups, wanted = round_up(blocks, threads);
        w->row_blocks = smaller(all, (wanted + each - 1) / each);
    }
}
