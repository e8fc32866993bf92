"""How numba compiles kernels, the functions that only compiled code calls.

By default numba optimises each function, makes machine code of it, and optimises it again in every
function that calls it, directly or not. Here a kernel is left as LLVM's intermediate code, unless
it is one of the small ones that are always inlined, until it stands with all others in the module
of an entry point: it is optimised once, and there is one piece of machine code. A kernel cannot do
what needs the Python interpreter at run time: print, or raise an error with values.
"""

from typing import Any

from .numba_compat import JITCodeLibrary, compiler, register_pass, typed_passes

__all__ = ["InlineCompiler"]


class _Library(JITCodeLibrary):
    """The code of a kernel, for its callers to link in."""

    always_inlined = False

    @property
    def codegen(self) -> Any:
        """Requested only for `set_env`, the reference to Python objects, which a kernel has not."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        pass

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    def _optimize_final_module(self) -> None:
        if self.always_inlined:  # or its branches would be left in the caller's loop
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    """To LLVM's intermediate code, and no further."""

    _name = "lowering_of_a_kernel"

    def run_pass(self, state: Any) -> bool:
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.always_inlined = state.flags.forceinline
        return bool(super().run_pass(state))


class InlineCompiler(compiler.CompilerBase):
    """numba's compiler of functions, except for the last step."""

    def define_pipelines(self) -> list[Any]:
        """Return the steps."""
        pipeline = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        replaced = {typed_passes.NativeLowering: _Lowering}
        pipeline.passes = [(replaced.get(step, step), text) for step, text in pipeline.passes]
        pipeline._finalized = False  # since its steps have changed
        pipeline.finalize()
        return [pipeline]
