"""How numba compiles what only compiled code calls.

By itself numba optimises each function, makes machine code of it, and optimises it again in every
function that calls it, directly or not. A part stays as it is, unless it is one of the small ones
that are always inlined, until it stands with all others in the module of what is run: it is
optimised once, and there is one machine code. Of what numba does at run time a part can do nothing
that goes back to Python: print, or raise an error with values.
"""

from typing import Any

from numba.core import compiler, typed_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass

__all__ = ["Part"]


class _Library(JITCodeLibrary):
    """The code of a part, for its callers to link in."""

    always_inlined = False

    @property
    def codegen(self) -> Any:
        """Asked only for `set_env`: the way back to Python, which a part has not."""
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
    """To LLVM, and no further."""

    _name = "lowering_of_a_part"

    def run_pass(self, state: Any) -> bool:
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.always_inlined = state.flags.forceinline
        return bool(super().run_pass(state))


class Part(compiler.CompilerBase):
    """The compiler of such functions: numba's own, but for the last step."""

    def define_pipelines(self) -> list[Any]:
        """The steps."""
        pipeline = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        replaced = {typed_passes.NativeLowering: _Lowering}
        pipeline.passes = [(replaced.get(step, step), text) for step, text in pipeline.passes]
        pipeline._finalized = False  # since its steps have changed
        pipeline.finalize()
        return [pipeline]
