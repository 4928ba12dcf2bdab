package dev.javisor.machine.firmware;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.memory.PhysicalMemory;

/**
 * What a PC's firmware leaves for real-address mode: an interrupt vector table whose handlers return, the 8259s at vectors 8 and 70H,
 * and the timer of 18.2 interrupts a second that counts in the BIOS data area. A kernel may use it or mask it. A jump to F000:FFF0H resets
 * the machine.
 */
public final class RealModeInterrupts {
    /** Where the handlers lie, in segment F000H. */
    static final int CODE = 0xFF00;

    /** Where a processor begins after a reset, and who wants one jumps to. */
    private static final int RESET_VECTOR = 0xFFF0;

    private static final int SEGMENT = 0xF000;
    private static final int MASTER_BASE = 8, SLAVE_BASE = 0x70;

    private static final String HANDLERS =
            """
            bits 16
            timer:
                    push ds
                    push ax
                    mov ax, 0x40
                    mov ds, ax
                    inc dword [0x6C]
                    pop ax
                    pop ds
            master:
                    push ax
                    mov al, 0x20
                    out 0x20, al
                    pop ax
                    iret
            slave:
                    push ax
                    mov al, 0x20
                    out 0xA0, al
                    out 0x20, al
                    pop ax
            nothing:
                    iret
            reset:
                    mov dx, 0xCF9
                    mov al, 6
                    out dx, al
            .wait:  hlt
                    jmp .wait
            """;

    private RealModeInterrupts() {}

    /** Writes vector table and handlers, and programs the interrupt controllers and the timer. */
    public static void setUp(PhysicalMemory memory, IoBus io) {
        Asm.Program handlers = Asm.program(CodeSize.BITS16, CODE, HANDLERS);
        memory.write((SEGMENT << 4) + CODE, handlers.code(), 0, handlers.code().length);
        byte[] jump = Asm.assemble(CodeSize.BITS16, RESET_VECTOR, "jmp 0xF000:" + handlers.label("reset"));
        memory.write((SEGMENT << 4) + RESET_VECTOR, jump, 0, jump.length);
        for (int vector = 0; vector < 256; vector++) {
            boolean master = vector >= MASTER_BASE && vector < MASTER_BASE + 8;
            boolean slave = vector >= SLAVE_BASE && vector < SLAVE_BASE + 8;
            String handler = vector == MASTER_BASE ? "timer" : master ? "master" : slave ? "slave" : "nothing";
            memory.write(4L * vector, 4, (long) SEGMENT << 16 | handlers.label(handler));
        }
        initialize(io, 0x20, MASTER_BASE, 4);
        initialize(io, 0xA0, SLAVE_BASE, 2);
        // Timer and cascade are open, everything else is masked.
        io.out(0x21, 1, 0xFA);
        io.out(0xA1, 1, 0xFF);
        // Counter 0: square wave, 65,536 counts.
        io.out(0x43, 1, 0x36);
        io.out(0x40, 1, 0);
        io.out(0x40, 1, 0);
    }

    private static void initialize(IoBus io, int port, int base, int cascade) {
        io.out(port, 1, 0x11);
        io.out(port + 1, 1, base);
        io.out(port + 1, 1, cascade);
        io.out(port + 1, 1, 1);
    }
}
