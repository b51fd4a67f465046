#include <cblas.h>
#include <stddef.h>

/// LAPACK's eigenvalues, ascending, and eigenvectors of a symmetric matrix, which they replace. The last two are the lengths of the
/// texts, as Fortran passes them.
void dsyevd_(const char *job, const char *triangle, const blasint *n, double *a, const blasint *step, double *values,
             double *work, const blasint *work_size, blasint *integer_work, const blasint *integer_work_size, blasint *info,
             size_t job_length, size_t triangle_length);
