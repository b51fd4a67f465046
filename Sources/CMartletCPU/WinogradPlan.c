#include "WinogradImages.h"

// How many tiles a block has at most, and what its transformed values may take.
enum { most_tiles = 128 };

int64_t martlet_winograd_tasks(const martlet_winograd *w) {
    int64_t blocks = w->row_blocks * (w->by_images ? image_groups(w) : w->column_blocks);
    return w->groups * blocks * w->parts;
}

martlet_winograd_range martlet_winograd_task_range(const martlet_winograd *w, int64_t task) {
    int64_t part = task % w->parts, group = task / w->parts % w->groups, block = task / w->parts / w->groups;
    int64_t across = w->by_images ? image_groups(w) : w->column_blocks, panels = martlet_winograd_panels(w);
    int64_t column = block % across, row = block / across, all = w->by_images ? w->tiles_y * w->tiles_x : w->images * w->tiles_y;
    martlet_winograd_range range = {
        panel_start(all, w->row_blocks, row), panel_start(all, w->row_blocks, row + 1),
        panel_start(w->tiles_x, w->column_blocks, column), panel_start(w->tiles_x, w->column_blocks, column + 1), group,
        panel_start(w->outputs, panels, panel_start(panels, w->parts, part)),
        panel_start(w->outputs, panels, panel_start(panels, w->parts, part + 1))};
    if (w->by_images) {
        range.first_column = column * lanes;
        range.last_column = smaller(w->images, (column + 1) * lanes);
    }
    return range;
}

void martlet_winograd_divide(martlet_winograd *w, int64_t threads) {
    w->row_blocks = 1;
    w->tiles_y = (w->rows + w->tile - 1) / w->tile;
    w->tiles_x = (w->columns + w->tile - 1) / w->tile;
    w->parts = 1;
    w->shares_source = 0;
    w->by_images = martlet_winograd_images_fit(w);
    w->splits = w->splits && smaller(w->channels, w->outputs) >= least_split;
    if (w->by_images) {
        martlet_winograd_divide_images(w, threads);
        return;
    }
    int64_t most = most_tiles, all = w->images * w->tiles_y;
    w->column_blocks = (w->tiles_x + most - 1) / most;
    int64_t columns = (w->tiles_x + w->column_blocks - 1) / w->column_blocks, each = w->column_blocks * w->groups;
    int64_t least = (all + larger(1, most / columns) - 1) / larger(1, most / columns);
    // The division whose busiest thread has the fewest vectors of tiles, each block costing about one more.
    int64_t best = 0;
    for (int64_t blocks = least; blocks <= smaller(all, least + 8 * threads); blocks++) {
        int64_t rows = (all + blocks - 1) / blocks, turns = (blocks * each + threads - 1) / threads;
        int64_t cost = turns * ((rows * columns + lanes - 1) / lanes + 1);
        if (best == 0 || cost < best) {
            best = cost;
            w->row_blocks = blocks;
        }
    }
    int64_t tasks = w->row_blocks * each;
    w->parts = tasks < threads ? smaller(martlet_winograd_panels(w), (threads + tasks - 1) / tasks) : 1;
}
