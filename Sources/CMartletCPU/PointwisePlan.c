#include "PointwisePlan.h"

#include <stdbool.h>
#include <string.h>

#include "Lanes.h"

enum {
    cache_floats = 8192,       // half or less of a first-level cache
    stack_floats = 16384,
    longest_chunk = 2048,
    streamed_chunk = 512,      // reads and writes of memory alternate often enough to overlap
    large_count = 1 << 18,     // operands so large may lie beyond the second-level cache
    shortest_chunk = 128,
    shortest_row = 256,        // shorter rows share a chunk
    streamed_floats = 4 << 20  // an output of so many would leave the caches before anybody reads it
};

size_t martlet_plan_size(const martlet_program *program) {
    size_t operands = (size_t)(program->inputs + program->results);
    size_t values = (size_t)(program->inputs + program->scalars + program->constants);
    return operands * sizeof(int64_t[collapse_rank]) + (values + 1) * sizeof(float) + operands + (size_t)(program->steps + program->inputs);
}

int64_t martlet_program_cost(const martlet_program *program) {
    int64_t cost = 60 * (program->inputs + program->results);
    for (int32_t i = 0; i < program->steps; i++) {
        int code = program->step[i].code;
        bool slow = (code >= martlet_exponential_of && code <= martlet_gelu_tanh_gradient) || code == martlet_power;
        cost += slow ? 400 : 30;
    }
    return cost;
}

static bool is_contiguous(const martlet_space *space, const int64_t *strides) {
    int64_t expected = 1;
    for (int32_t axis = space->rank - 1; axis >= 0; axis--) {
        if (strides[axis] != expected) return false;
        expected *= space->shape[axis];
    }
    return true;
}

static bool is_constant(const martlet_space *space, const int64_t *strides) {
    for (int32_t axis = 0; axis < space->rank; axis++)
        if (strides[axis] != 0) return false;
    return true;
}

static martlet_access access_of(const martlet_plan *plan, int32_t k) {
    const int64_t *strides = plan->strides[k];
    bool is_integer = plan->operands[k].is_integer, is_input = k < plan->program->inputs;
    if (is_input && is_constant(&plan->space, strides)) return operand_fixed;
    if (is_integer) return operand_buffered;
    int64_t inner = strides[plan->space.rank - 1];
    if (plan->by_rows) return inner == 1 ? operand_direct : inner == 0 && is_input ? operand_row : operand_buffered;
    return is_contiguous(&plan->space, strides) ? operand_direct : operand_buffered;
}

// An output that is the memory of an input may be written by its step only if no later step reads that input.
static bool overwrites_too_early(const martlet_plan *plan, int32_t result) {
    const martlet_program *program = plan->program;
    const martlet_operand *output = &plan->operands[program->inputs + result];
    for (int32_t i = 0; i < program->inputs; i++)
        if (plan->operands[i].data == output->data && program->last_read[i] > program->result_step[result]) return true;
    return false;
}

static bool is_in_place(const martlet_plan *plan, int32_t result) {
    int32_t inputs = plan->program->inputs;
    for (int32_t i = 0; i < inputs; i++)
        if (plan->operands[i].data == plan->operands[inputs + result].data) return true;
    return false;
}

// Which operands of each step are uniform follows from the inputs; registers are tracked in the order of the steps.
static void find_modes(martlet_plan *plan) {
    const martlet_program *program = plan->program;
    int32_t constants = program->inputs + program->scalars + program->constants;
    uint8_t uniform[plan->slots];
    memset(uniform, 1, (size_t)constants);
    memset(uniform + constants, 0, (size_t)(plan->slots - constants));
    for (int32_t i = 0; i < program->inputs; i++)
        uniform[i] = plan->access[i] == operand_fixed || plan->access[i] == operand_row;
    for (int32_t s = 0; s < program->steps; s++) {
        martlet_step step = program->step[s];
        bool x = uniform[step.x], y = uniform[step.y], z = uniform[step.z];
        plan->modes[s] = (uint8_t)((x ? uniform_x : 0) | (y ? uniform_y : 0) | (z ? uniform_z : 0)
                                   | (x && y && z ? uniform_all : 0));
        uniform[step.target] = x && y && z;
    }
}

void martlet_plan_make(martlet_plan *plan, void *memory, const martlet_program *program, const float *scalars, int32_t rank,
                       const int64_t *shape, const martlet_operand *operands) {
    int32_t inputs = program->inputs, results = program->results, all = inputs + results;
    plan->program = program;
    plan->operands = operands;
    plan->strides = memory;
    plan->values = (float *)(plan->strides + all);
    plan->access = (uint8_t *)(plan->values + inputs + program->scalars + program->constants + 1);
    plan->modes = plan->access + all;
    plan->read = plan->modes + program->steps;
    plan->flow = (martlet_flow){0, 0, plan->read};
    plan->slots = inputs + program->scalars + program->constants + program->registers;
    plan->space.rank = rank;
    memcpy(plan->space.shape, shape, (size_t)rank * sizeof *shape);
    for (int32_t k = 0; k < all; k++) memcpy(plan->strides[k], operands[k].strides, (size_t)rank * sizeof *shape);
    plan->count = martlet_collapse(&plan->space, all, plan->strides, inputs);

    int64_t inner = plan->space.shape[plan->space.rank - 1];
    plan->by_rows = plan->space.rank == 1 || inner >= shortest_row;
    plan->buffers = program->registers;
    for (int32_t k = 0; k < all; k++) {
        plan->access[k] = (uint8_t)access_of(plan, k);
        if (k < inputs && plan->access[k] == operand_buffered) plan->buffers++;
        if (k < inputs && plan->access[k] == operand_fixed)
            martlet_load(plan->values + k, operands[k].data, 0, operands[k].is_integer, 1);
    }
    memcpy(plan->values + inputs, scalars, (size_t)program->scalars * sizeof(float));
    memcpy(plan->values + inputs + program->scalars, program->constant, (size_t)program->constants * sizeof(float));
    find_modes(plan);
    int64_t longest = longest_chunk;
    for (int32_t r = 0; r < results; r++) {
        uint8_t *access = plan->access + inputs + r;
        bool uniform = plan->modes[program->result_step[r]] & uniform_all;
        if (*access != operand_direct) continue;
        if (uniform || overwrites_too_early(plan, r)) *access = operand_buffered;
        else if (plan->count >= streamed_floats && !is_in_place(plan, r)) {
            if (program->steps > 1) longest = streamed_chunk;
            if (program->result_step[r] == program->steps - 1) plan->flow.streams = 1;
            else *access = operand_streamed;
        }
    }
    if (plan->count >= large_count)
        for (int32_t i = 0; i < inputs; i++)
            if (plan->access[i] == operand_direct) plan->read[plan->flow.read_ahead++] = (uint8_t)i;

    // What is read ahead takes as much of the cache as what is worked on.
    int64_t chunk = cache_floats / (plan->flow.read_ahead ? 2 : 1) / (plan->buffers + all) / 64 * 64;
    if (chunk < shortest_chunk) chunk = shortest_chunk;
    if (chunk > longest) chunk = longest;
    if (chunk * plan->buffers > stack_floats) chunk = stack_floats / plan->buffers / 16 * 16;
    plan->chunk = chunk;
    if (plan->by_rows || plan->space.rank != 2 || chunk < inner) return;
    // Chunks of whole rows: an input that repeats in every row needs to be copied once. Of whole cache lines where that fits.
    int64_t lines = inner;
    while (lines % 16 != 0) lines *= 2;
    if (lines > longest_chunk) lines = inner;
    else if (lines > chunk) chunk = lines;
    plan->chunk = chunk - chunk % lines;
    for (int32_t i = 0; i < inputs; i++)
        if (plan->access[i] == operand_buffered && plan->strides[i][0] == 0) plan->access[i] = operand_repeated;
}

// A position in the plan's order: the index on each axis.
typedef struct {
    int64_t index[collapse_rank];
} position;

static position position_of(const martlet_space *space, int64_t flat) {
    position p;
    for (int32_t axis = space->rank - 1; axis > 0; axis--) {
        p.index[axis] = flat % space->shape[axis];
        flat /= space->shape[axis];
    }
    p.index[0] = flat;
    return p;
}

static int64_t offset_of(const martlet_space *space, const position *p, const int64_t *strides) {
    int64_t offset = 0;
    for (int32_t axis = 0; axis < space->rank; axis++) offset += p->index[axis] * strides[axis];
    return offset;
}

// Moves n elements on, staying inside the row or ending at its end.
static void advance(const martlet_space *space, position *p, int64_t n) {
    int32_t axis = space->rank - 1;
    p->index[axis] += n;
    while (axis > 0 && p->index[axis] >= space->shape[axis]) {
        p->index[axis] = 0;
        p->index[--axis]++;
    }
}

// Copies n elements, over as many rows as they take, between an operand and a chunk's buffer.
static void transfer(const martlet_plan *plan, int32_t k, position p, float *buffer, bool store, bool uniform, int64_t n) {
    const int64_t *strides = plan->strides[k];
    const martlet_operand *operand = &plan->operands[k];
    int32_t last = plan->space.rank - 1;
    for (int64_t done = 0; done < n;) {
        int64_t run = plan->space.shape[last] - p.index[last];
        if (run > n - done) run = n - done;
        float *data = (float *)operand->data + offset_of(&plan->space, &p, strides);
        if (store) martlet_store(data, strides[last], operand->is_integer, uniform ? buffer : buffer + done, uniform, run);
        else martlet_load(buffer + done, data, strides[last], operand->is_integer, run);
        advance(&plan->space, &p, run);
        done += run;
    }
}

void martlet_plan_run(const martlet_plan *plan, int64_t begin, int64_t end) {
    const martlet_program *program = plan->program;
    const martlet_space *space = &plan->space;
    int32_t inputs = program->inputs, last = space->rank - 1;
    _Alignas(64) float storage[plan->buffers * plan->chunk + 1];
    float *slots[plan->slots + 1];
    bool streams = plan->flow.streams;
    int32_t first_register = plan->slots - program->registers;
    for (int32_t i = 0; i < first_register; i++) slots[i] = plan->values + i;
    for (int32_t i = 0; i < program->registers; i++) slots[first_register + i] = storage + i * plan->chunk;
    float *buffer = storage + program->registers * plan->chunk;
    for (int32_t i = 0; i < inputs; i++) {
        if (plan->access[i] != operand_buffered && plan->access[i] != operand_repeated) continue;
        slots[i] = buffer;
        buffer += plan->chunk;
    }

    position p = position_of(space, begin);
    for (int64_t at = begin; at < end;) {
        int64_t n = end - at;
        if (n > plan->chunk) n = plan->chunk;
        if (plan->by_rows && n > space->shape[last] - p.index[last]) n = space->shape[last] - p.index[last];
        for (int32_t i = 0; i < inputs; i++) {
            float *data = plan->operands[i].data;
            switch (plan->access[i]) {
            case operand_direct:
            case operand_row: slots[i] = data + offset_of(space, &p, plan->strides[i]); break;
            case operand_repeated:
                if (at == begin) transfer(plan, i, p, slots[i], false, false, n);
                break;
            case operand_buffered: transfer(plan, i, p, slots[i], false, false, n); break;
            default: break;
            }
        }
        for (int32_t r = 0; r < program->results; r++) {
            int32_t k = inputs + r;
            if (plan->access[k] == operand_direct)
                slots[program->step[program->result_step[r]].target] =
                    (float *)plan->operands[k].data + offset_of(space, &p, plan->strides[k]);
        }
        martlet_evaluate(program->step, plan->modes, program->steps, slots, n, &plan->flow);
        for (int32_t r = 0; r < program->results; r++) {
            int32_t k = inputs + r, step = program->result_step[r];
            if (plan->access[k] == operand_streamed) {
                martlet_stream((float *)plan->operands[k].data + offset_of(space, &p, plan->strides[k]),
                               slots[program->step[step].target], n);
                streams = true;
            } else if (plan->access[k] != operand_direct) {
                transfer(plan, k, p, slots[program->step[step].target], true, plan->modes[step] & uniform_all, n);
            }
        }
        at += n;
        if (at >= end) break;
        if (plan->by_rows) {
            advance(space, &p, n);
        } else {
            p = position_of(space, at);
        }
    }
    if (streams) martlet_stream_end();
}
