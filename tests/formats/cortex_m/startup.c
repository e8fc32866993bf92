/* What runs before main: the floating-point unit is switched on. */
extern char stack;
void _start(void);
void reset(void);

__attribute__((section(".vectors"), used)) static void *const vectors[2] = {&stack, (void *)reset};

void reset(void) {
    *(volatile unsigned *)0xE000ED88 |= 0xF00000;
    __asm volatile("dsb\nisb");
    _start();
}
