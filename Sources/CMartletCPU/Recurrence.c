#include "include/Recurrence.h"

#include <string.h>

#include "AMX.h"
#include "Lanes.h"
#include "MatmulPack.h"
#include "MatmulTile.h"
#include "RecurrenceCells.h"

// All threads go through the sequence together and meet once a step. Each keeps its own block of units: the packed weights of
// that block stay in its second-level cache for the whole sequence, and so do its units' states. On the matrix unit a step's states or
// gradients are split into parts by each thread for itself.

enum { depth_block = 384, most_width = 2 * lanes, side = martlet_amx_side };

// The parts of what a thread multiplies: the states or gradients of some samples at one step, and of candidates the second time.
typedef struct {
    const float *from[2];
    float *panels[2];
} split_rows;

typedef struct {
    const martlet_recurrence *sequence;
    float *packed, *parts;            // panels of weights, and on the matrix unit their parts
    split_rows *rows;
    int64_t vectors, width, height;   // of a tile
    int64_t blocks, row_parts;        // blocks of units times parts of the samples are the items
    // Forward: sums or gates, states and cells or candidates. Backward: what comes from above and what forward left.
    float *gates, *hidden, *memory;
    const float *bias;
    const float *above_hidden, *above_memory, *saved_gates, *saved_hidden, *saved_memory;
    float *d_gates, *d_candidate, *d_hidden, *d_cell;
} job;

// A part of the samples and units.
typedef struct {
    int64_t block, unit, units, row, rows;
} item;

static int64_t vectors_of_tile(void) { return martlet_tile_height(2) >= 6 ? 2 : 1; }

static int64_t blocks_of(int64_t units, int64_t width) { return (units + width - 1) / width; }

// Depths of a step's backward products: of gates whose gradients lie in one row, and of a GRU's candidates.
static int64_t plain_depth(const martlet_recurrence *s) { return (s->gates == 4 ? 4 : 2) * s->units; }
static int64_t candidate_depth(const martlet_recurrence *s) { return s->gates * s->units - plain_depth(s); }

static int64_t backward_floats(const martlet_recurrence *s) {
    return martlet_amx_panel_floats(plain_depth(s)) + martlet_amx_panel_floats(candidate_depth(s));
}

static int splits(const martlet_recurrence *s) {
    enum { least_samples = 12, least_units = 64 };
    return s->splits && s->samples >= least_samples && s->units >= least_units && vectors_of_tile() * lanes == side;
}

static int64_t weight_floats(const martlet_recurrence *s) {
    int64_t width = vectors_of_tile() * lanes;
    return blocks_of(s->units, width) * width * s->units * s->gates;
}

static int64_t part_floats(const martlet_recurrence *s) {
    return blocks_of(s->units, side) * larger(s->gates * martlet_amx_panel_floats(s->units), backward_floats(s));
}

static int64_t row_floats(const martlet_recurrence *s) { return martlet_amx_panels(s->samples) * backward_floats(s); }

int64_t martlet_recurrence_scratch(const martlet_recurrence *s, int32_t threads) {
    return weight_floats(s) + (splits(s) ? part_floats(s) + threads * row_floats(s) : 0);
}

static job begin(const martlet_recurrence *s, float *scratch) {
    job j = {.sequence = s, .packed = scratch, .vectors = vectors_of_tile()};
    if (splits(s)) j.parts = scratch + weight_floats(s);
    j.width = j.vectors * lanes;
    j.height = martlet_tile_height(j.vectors);
    j.blocks = blocks_of(s->units, j.width);
    return j;
}

// A member's own copy, between whose making and leaving it multiplies.
static job join(const job *shared, int member, split_rows *rows) {
    job j = *shared;
    if (!j.parts) return j;
    const martlet_recurrence *s = j.sequence;
    float *memory = j.parts + part_floats(s) + member * row_floats(s);
    *rows = (split_rows){{NULL, NULL}, {memory, memory + martlet_amx_panels(s->samples) * martlet_amx_panel_floats(plain_depth(s))}};
    j.rows = rows;
    martlet_amx_begin();
    return j;
}

static void leave(const job *j) {
    if (j->parts) martlet_amx_end();
}

// As few parts of the samples as give every member the same number of items.
static int64_t choose_row_parts(const job *j, int members) {
    int64_t most = larger(1, j->sequence->samples / 4), parts = 1;
    while (parts < most && parts < 2 * members && j->blocks * parts % members != 0) parts++;
    return j->blocks * parts % members == 0 ? parts : smaller(most, (members + j->blocks - 1) / j->blocks);
}

static item item_at(const job *j, int64_t index) {
    int64_t part = index % j->row_parts, samples = j->sequence->samples;
    item i = {.block = index / j->row_parts, .row = samples * part / j->row_parts};
    i.unit = i.block * j->width;
    i.units = smaller(j->width, j->sequence->units - i.unit);
    i.rows = samples * (part + 1) / j->row_parts - i.row;
    return i;
}

static int64_t step_at(const martlet_recurrence *s, int64_t number) { return s->is_reversed ? s->steps - 1 - number : number; }

// The rows of the states before and after a step, in floats from their beginning.
static int64_t before(const martlet_recurrence *s, int64_t step) { return (step + (s->is_reversed ? 1 : 0)) * s->samples * s->units; }
static int64_t after(const martlet_recurrence *s, int64_t step) { return (step + (s->is_reversed ? 0 : 1)) * s->samples * s->units; }

static martlet_cells cells_of(const martlet_recurrence *s, const item *i, int64_t step) {
    return (martlet_cells){i->rows, i->units, s->units, s->lengths ? s->lengths + i->row : NULL, step};
}

// What an item multiplies: rows of states or gradients by a panel of weights, of which there are the parts too on the matrix unit.
typedef struct {
    const float *left;
    int64_t pitch, depth;
    const float *panel, *parts;
    int second;   // which of the thread's two places the parts of the rows take
} factors;

static void multiply_plainly(const job *j, const item *i, const factors *f, float *to, int64_t pitch, int32_t accumulates) {
    int64_t depth = f->depth, left_pitch = f->pitch;
    const float *left = f->left, *panel = f->panel;
    int64_t panels = (i->rows + j->height - 1) / j->height;
    for (int64_t first = 0; first < depth; first += depth_block, accumulates = 1) {
        int64_t deep = smaller(depth_block, depth - first);
        martlet_tile_lanes right = {panel + first * j->width, j->width, 0};
        for (int64_t p = 0; p < panels; p++) {
            int64_t row = i->rows * p / panels, rows = i->rows * (p + 1) / panels - row;
            martlet_tile_rows rows_left = {left + row * left_pitch + first, left_pitch, 1};
            float *out = to + row * pitch;
            if (i->units == j->width) {
                martlet_tile_multiply(rows, j->vectors, deep, &rows_left, &right, out, pitch, accumulates);
                continue;
            }
            float tile[martlet_tile_most_rows * most_width];
            martlet_tile_multiply(rows, j->vectors, deep, &rows_left, &right, tile, j->width, 0);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t k = 0; k < i->units; k++)
                    out[r * pitch + k] = tile[r * j->width + k] + (accumulates ? out[r * pitch + k] : 0);
        }
    }
}

static const float *split(const job *j, const item *i, const factors *f) {
    float *panels = j->rows->panels[f->second];
    if (j->rows->from[f->second] == f->left) return panels;
    j->rows->from[f->second] = f->left;
    for (int64_t row = 0; row < i->rows; row += side)
        martlet_amx_pack_rows(f->left + row * f->pitch, f->pitch, 1, smaller(side, i->rows - row), f->depth,
                              panels + row / side * martlet_amx_panel_floats(f->depth));
    return panels;
}

// to[i][k] = the sum over p of left[i][p] * panel[p][k], or more by it, for the rows and units of an item.
static void multiply(const job *j, const item *i, const factors *f, float *to, int64_t pitch, int32_t accumulates) {
    if (!j->parts) return multiply_plainly(j, i, f, to, pitch, accumulates);
    const float *rows = split(j, i, f);
    for (int64_t row = 0; row < i->rows; row += side) {
        item some = {i->block, i->unit, i->units, i->row + row, smaller(side, i->rows - row)};
        float *out = to + row * pitch;
        if (martlet_amx_multiply_into(rows + row / side * martlet_amx_panel_floats(f->depth), f->parts, some.rows, some.units, f->depth,
                                      out, pitch, accumulates))
            continue;
        factors plain = *f;
        plain.left += row * f->pitch;
        multiply_plainly(j, &some, &plain, out, pitch, accumulates);
    }
}

// Forward panels: [gate][block][unit before][unit]. Backward ones: [block][gate's unit][unit before].
static void pack_forward(const job *j, int64_t block) {
    const martlet_recurrence *s = j->sequence;
    int64_t unit = block * j->width, h = s->units;
    for (int64_t gate = 0; gate < s->gates; gate++) {
        const float *from = s->weight + (gate * h + unit) * h;
        int64_t units = smaller(j->width, h - unit), panel = gate * j->blocks + block;
        martlet_pack_lanes(from, 1, h, h, units, j->width, j->packed + panel * h * j->width);
        if (j->parts) martlet_amx_pack_lanes(from, h, 1, units, h, j->parts + panel * martlet_amx_panel_floats(h));
    }
}

static void pack_backward(const job *j, int64_t block) {
    const martlet_recurrence *s = j->sequence;
    int64_t unit = block * j->width, h = s->units, units = smaller(j->width, h - unit), plain = plain_depth(s);
    martlet_pack_lanes(s->weight + unit, h, 1, s->gates * h, units, j->width, j->packed + block * s->gates * h * j->width);
    if (!j->parts) return;
    float *parts = j->parts + block * backward_floats(s);
    martlet_amx_pack_lanes(s->weight + unit, 1, h, units, plain, parts);
    martlet_amx_pack_lanes(s->weight + plain * h + unit, 1, h, units, candidate_depth(s), parts + martlet_amx_panel_floats(plain));
}

static void forward_item(const job *j, const item *i, int64_t step) {
    const martlet_recurrence *s = j->sequence;
    int64_t h = s->units, pitch = s->gates * h, at = i->row * h + i->unit;
    float *gates = j->gates + (step * s->samples + i->row) * pitch + i->unit;
    float *candidate = j->memory + step * s->samples * h + at;
    const float *from = j->hidden + before(s, step);
    for (int64_t gate = 0; gate < s->gates; gate++) {
        int64_t panel = gate * j->blocks + i->block;
        factors f = {.left = from + i->row * h, .pitch = h, .depth = h, .panel = j->packed + panel * h * j->width};
        if (j->parts) f.parts = j->parts + panel * martlet_amx_panel_floats(h);
        int is_apart = s->gates == 3 && gate == 2;
        multiply(j, i, &f, is_apart ? candidate : gates + gate * h, is_apart ? h : pitch, !is_apart);
    }
    martlet_cells cells = cells_of(s, i, step);
    float *to = j->hidden + after(s, step) + at;
    if (s->gates == 4)
        martlet_lstm_cells(&cells, gates, j->memory + before(s, step) + at, j->memory + after(s, step) + at, from + at, to);
    else
        martlet_gru_cells(&cells, gates, j->bias ? j->bias + i->unit : NULL, from + at, candidate, to);
}

static void backward_cells(const job *j, const item *i, int64_t step) {
    const martlet_recurrence *s = j->sequence;
    int64_t h = s->units, at = i->row * h + i->unit, now = step * s->samples * h + at;
    int64_t gates = (step * s->samples + i->row) * s->gates * h + i->unit;
    martlet_cells cells = cells_of(s, i, step);
    if (s->gates == 4)
        martlet_lstm_cells_gradient(&cells, j->saved_gates + gates, j->saved_memory + before(s, step) + at,
                                    j->saved_memory + after(s, step) + at, j->above_hidden + after(s, step) + at,
                                    j->above_memory ? j->above_memory + after(s, step) + at : NULL, j->d_gates + gates,
                                    j->d_hidden + at, j->d_cell + at);
    else
        martlet_gru_cells_gradient(&cells, j->saved_gates + gates, j->saved_hidden + before(s, step) + at,
                                   j->saved_memory + now, j->above_hidden + after(s, step) + at, j->d_gates + gates,
                                   j->d_candidate + now, j->d_hidden + at);
}

static void backward_products(const job *j, const item *i, int64_t step) {
    const martlet_recurrence *s = j->sequence;
    int64_t h = s->units, pitch = s->gates * h, plain = plain_depth(s), row = step * s->samples + i->row;
    const float *panel = j->packed + i->block * pitch * j->width;
    float *to = j->d_hidden + i->row * h + i->unit;
    factors gates = {.left = j->d_gates + row * pitch, .pitch = pitch, .depth = plain, .panel = panel};
    if (j->parts) gates.parts = j->parts + i->block * backward_floats(s);
    multiply(j, i, &gates, to, h, 1);
    if (candidate_depth(s) == 0) return;
    factors candidates = {.left = j->d_candidate + row * h, .pitch = h, .depth = h, .panel = panel + plain * j->width, .second = 1};
    if (j->parts) candidates.parts = gates.parts + martlet_amx_panel_floats(plain);
    multiply(j, i, &candidates, to, h, 1);
}

// What a member does for each of its items.
typedef void item_work(const job *j, const item *i, int64_t step);

static void each_item(const job *j, int member, int members, int64_t step, item_work *work) {
    int64_t items = j->blocks * j->row_parts, end = items * (member + 1) / members;
    for (int64_t index = items * member / members; index < end; index++) {
        item i = item_at(j, index);
        if (i.rows > 0) work(j, &i, step);
    }
}

static void forward(void *context, MartletTeam *team, int member, int members) {
    split_rows rows;
    job j = join(context, member, &rows);
    j.row_parts = choose_row_parts(&j, members);
    for (int64_t block = member; block < j.blocks; block += members) pack_forward(&j, block);
    martlet_team_meet(team);
    for (int64_t number = 0; number < j.sequence->steps; number++) {
        each_item(&j, member, members, step_at(j.sequence, number), forward_item);
        martlet_team_meet(team);
    }
    leave(&j);
}

static void clear_states(const job *j, const item *i, int64_t step) {
    (void)step;
    for (int64_t row = i->row; row < i->row + i->rows; row++) {
        int64_t at = row * j->sequence->units + i->unit;
        memset(j->d_hidden + at, 0, (size_t)i->units * sizeof(float));
        if (j->d_cell) memset(j->d_cell + at, 0, (size_t)i->units * sizeof(float));
    }
}

static void add_initial(const job *j, const item *i, int64_t step) {
    int64_t h = j->sequence->units, first = before(j->sequence, step);
    for (int64_t row = i->row; row < i->row + i->rows; row++)
        for (int64_t at = row * h + i->unit; at < row * h + i->unit + i->units; at++) {
            j->d_hidden[at] += j->above_hidden[first + at];
            if (j->above_memory) j->d_cell[at] += j->above_memory[first + at];
        }
}

static void backward(void *context, MartletTeam *team, int member, int members) {
    split_rows rows;
    job j = join(context, member, &rows);
    j.row_parts = choose_row_parts(&j, members);
    for (int64_t block = member; block < j.blocks; block += members) pack_backward(&j, block);
    each_item(&j, member, members, 0, clear_states);
    for (int64_t number = j.sequence->steps - 1; number >= 0; number--) {
        int64_t step = step_at(j.sequence, number);
        each_item(&j, member, members, step, backward_cells);
        // A step's products need the gradients of all its gates; the cells of the step before only what their own thread computed.
        martlet_team_meet(team);
        each_item(&j, member, members, step, backward_products);
    }
    each_item(&j, member, members, step_at(j.sequence, 0), add_initial);
    leave(&j);
}

void martlet_lstm(MartletPool *pool, const martlet_recurrence *sequence, float *gates, float *hidden, float *cell,
                  float *scratch) {
    job j = begin(sequence, scratch);
    j.gates = gates;
    j.hidden = hidden;
    j.memory = cell;
    martlet_pool_run_team(pool, forward, &j);
}

void martlet_lstm_gradient(MartletPool *pool, const martlet_recurrence *sequence, const float *hidden_gradient,
                           const float *cell_gradient, const float *gates, const float *cell, float *gates_gradient,
                           float *initial_hidden_gradient, float *initial_cell_gradient, float *scratch) {
    job j = begin(sequence, scratch);
    j.above_hidden = hidden_gradient;
    j.above_memory = cell_gradient;
    j.saved_gates = gates;
    j.saved_memory = cell;
    j.d_gates = gates_gradient;
    j.d_hidden = initial_hidden_gradient;
    j.d_cell = initial_cell_gradient;
    martlet_pool_run_team(pool, backward, &j);
}

void martlet_gru(MartletPool *pool, const martlet_recurrence *sequence, float *gates, const float *bias, float *hidden,
                 float *candidate, float *scratch) {
    job j = begin(sequence, scratch);
    j.gates = gates;
    j.bias = bias;
    j.hidden = hidden;
    j.memory = candidate;
    martlet_pool_run_team(pool, forward, &j);
}

void martlet_gru_gradient(MartletPool *pool, const martlet_recurrence *sequence, const float *hidden_gradient,
                          const float *gates, const float *hidden, const float *candidate, float *gates_gradient,
                          float *candidate_gradient, float *initial_hidden_gradient, float *scratch) {
    job j = begin(sequence, scratch);
    j.above_hidden = hidden_gradient;
    j.saved_gates = gates;
    j.saved_hidden = hidden;
    j.saved_memory = candidate;
    j.d_gates = gates_gradient;
    j.d_candidate = candidate_gradient;
    j.d_hidden = initial_hidden_gradient;
    martlet_pool_run_team(pool, backward, &j);
}
