// Put before every program. Also defined: CPU_LIKE or GPU_LIKE, and KERNEL_<name> for the kernel that is built.

// A view: its buffer and its offset in elements as a kernel's arguments, then the pointer to its first element.
#define TENSOR_ARGUMENT(type, name) global type *name##_base, const ulong name##_offset
#define TENSOR(type, name) global type *name = name##_base + name##_offset
