"""Python to machine code: the only room that knows numba's and LLVM's internals."""
