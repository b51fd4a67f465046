// Rows of n elements, which a work-item or a work-group walks several times, as softmax and layer normalisation do.
//
// GROUP  work-items that share a row: a power of two. 1: a work-item owns whole rows, one after the other, and there is
//        no local memory and no barrier (CPU-like devices, and short rows on others).
// VEC    width of a load: 16 on CPU-like devices, 4 where GROUP is above 1, 1 for short rows on GPU-like devices.
// HELD   vectors of a row that a work-item of a group keeps in registers, so that memory is read once; 0 where rows are too long.
//
// A row is read as vectors at stride GROUP * VEC; its last n % VEC elements form one partly filled vector.

#if GROUP > 1
#define LANE get_local_id(0)
#define EACH_ROW(row) const size_t row = get_group_id(0);
#define GROUP_SUM(v, i) group_sum(v, scratch + (i) * GROUP)
#else
#define LANE 0
#define EACH_ROW(row)                                                                     \
    for (size_t row = get_global_id(0) * rowsEach, end = min((ulong)(row + rowsEach), rows); row < end; row++)
#define SCRATCH(count)
#define GROUP_SUM(v, i) (v)
#endif

// The work-item that takes a row's last n % VEC elements; rows of aligned vectors have none.
#if ALIGNED
#define HAS_REST 0
#else
#define HAS_REST (n % VEC != 0 && LANE == GROUP - 1)
#endif

// EACH_VECTOR: the vectors of a row that are this work-item's. HOLD: declares and fills what it keeps of the row at `from`.
// AT: that one of the vector at i, in EACH_VECTOR.
#if HELD
#define EACH_VECTOR(i)                                                                                           \
    UNROLL for (uint held = 0, i = LANE * VEC; held < HELD; held++, i += GROUP * VEC) if (i + VEC <= (uint)n)
#define HOLD(row, from) \
    floatv row[HELD];   \
    EACH_VECTOR(i) row[held] = LOAD((from) + i)
#define AT(row, from, i) (row)[held]
#else
#define EACH_VECTOR(i) for (size_t i = LANE * VEC, whole = n - n % VEC; i < whole; i += GROUP * VEC)
#define HOLD(row, from)
#define AT(row, from, i) LOAD((from) + (i))
#endif
