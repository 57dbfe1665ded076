#include <cblas.h>

// LAPACK: Debian's OpenBLAS exports the Fortran symbols but brings no header for them. Matrices are
// in column-major order; every argument is a pointer.

/// Eigenvalues and, with `V`, eigenvectors of a symmetric matrix by divide and conquer.
void dsyevd_(const char *job, const char *triangle, const int *order, double *matrix,
             const int *leading, double *values, double *work, const int *work_count,
             int *integer_work, const int *integer_work_count, int *info);
/// Singular values and, unless the job is `N`, singular vectors by divide and conquer.
void dgesdd_(const char *job, const int *rows, const int *columns, double *matrix,
             const int *leading, double *values, double *left, const int *left_leading,
             double *right, const int *right_leading, double *work, const int *work_count,
             int *integer_work, int *info);
/// Householder QR factorisation.
void dgeqrf_(const int *rows, const int *columns, double *matrix, const int *leading, double *tau,
             double *work, const int *work_count, int *info);
/// The orthonormal factor of a Householder QR factorisation.
void dorgqr_(const int *rows, const int *columns, const int *reflectors, double *matrix,
             const int *leading, const double *tau, double *work, const int *work_count,
             int *info);
