package dev.javisor.processor.event;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the tables hold, and whatever a program does with them: time goes on, and nothing but architecture comes out. */
class RandomTablesTest {
    private static final String[] INSTRUCTIONS = {
        "mov ds, ax", "mov es, bx", "mov ss, cx", "mov fs, dx", "mov gs, si", "lss eax, [0x60000]", "lfs ebx, [0x60010]", "mov ax, ss",
                "int 0x21", "int 3", "int3", "db 0xF1",
        "db 0xCE", "db 0xCF", "db 0x66, 0xCF", "db 0x48, 0xCF", "db 0xCB", "db 0x66, 0xCB", "db 0xCA, 4, 0", "pushf", "popf", "cli", "sti",
                "hlt", "lldt ax", "ltr bx", "lgdt [0x60020]",
        "sidt [0x60030]", "lar ax, bx", "lsl cx, dx", "verr ax", "verw bx", "syscall", "sysret", "sysenter", "sysexit", "ud2",
                "db 0xFF, 0x2F", "db 0xFF, 0x1F", "add esp, 0x101",
        "mov esp, 0x20000", "mov eax, [0xFFFFF]", "rsm", "inc dword [0x60004]", "add ax, 0x13", "rol ebx, 5", "imul ecx, 77",
                "db 0x0F, 0x01, 0xF8", "mov dr7, rax", "mov dr7, eax"
    };

    @Test
    void timeGoesOn() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("RandomTablesTest -Djavisor.seed=" + seed);
        for (int i = 0; i < 150; i++) {
            run(seed + i);
        }
    }

    private static void run(long seed) {
        Random random = new Random(seed);
        Guest g = switch (random.nextInt(3)) {
            case 0 -> Guest.real("nop");
            case 1 -> Guest.protected32On(random.nextBoolean() ? "max-intel" : "max-amd", "nop");
            default -> Guest.bits64("nop");
        };
        try {
            prepare(g, random);
            for (int k = 0; k < 40; k++) {
                long before = g.timeline.now();
                g.run(100);
                if (g.c.activity != Cpu.ACTIVE) {
                    wake(g, random);
                } else {
                    assertThat(g.timeline.now()).isGreaterThanOrEqualTo(before + 100);
                }
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed " + seed, e);
        }
    }

    private static void prepare(Guest g, Random random) {
        for (int at = 0; at < 0x100; at += 8) {
            if (random.nextInt(3) == 0) {
                g.memory.write(Guest.GDT + at, 8, random.nextLong() & ~(random.nextBoolean() ? 0xFF00FFFF_FFFF0000L
                        : 0) | 0x8000_0000_0000L);
            }
        }
        for (int at = 0; at < 0x1000; at += 8) {
            long gate = (long) (0x80 | random.nextInt(16) | random.nextInt(4) << 5) << 40 | (long) (random.nextInt(32) * 8
                    + random.nextInt(4)) << 16 | Guest.CODE + random.nextInt(0x400);
            g.memory.write(Guest.IDT + at, 8, random.nextInt(8) == 0 ? random.nextLong() : gate);
        }
        for (int at = 0; at < 0x70; at += 4) {
            if (random.nextInt(4) == 0) {
                g.memory.write(Guest.TSS + at, 4, random.nextInt());
            }
        }
        int bits = g.c.codeBits;
        for (long at = Guest.CODE; at < Guest.CODE + 0x400; ) {
            byte[] code = instruction(bits, INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)]);
            g.memory.write(at, code, 0, code.length);
            at += code.length;
        }
        for (int at = 0x60000; at < 0x60100; at += 4) {
            g.memory.write(at, 4, random.nextInt(0x100));
        }
        for (int r = 0; r < 16; r++) {
            if (r != Guest.RSP) {
                g.c.gpr[r] = random.nextInt(0x120);
            }
        }
        g.c.efer |= random.nextInt(2);
        g.c.cr4 |= random.nextLong() & (Cr.VME | Cr.PVI | Cr.UMIP | Cr.DE);
        g.c.cr0 |= random.nextBoolean() ? Cr.AM : 0;
        g.flag(random.nextLong() & 0x47F00);
        g.c.star = random.nextLong();
        g.c.lstar = Guest.CODE + random.nextInt(0x400);
        g.c.sysenterCs = random.nextInt(0x60);
        g.c.sysenterEip = Guest.CODE;
        g.c.sysenterEsp = Guest.STACK;
        g.c.updateMode();
    }

    private static byte[] instruction(int bits, String text) {
        try {
            return Asm.assemble(bits == 64 ? CodeSize.BITS64 : bits == 32 ? CodeSize.BITS32 : CodeSize.BITS16, 0, text);
        } catch (RuntimeException notInThisMode) {
            return new byte[] {(byte) 0x90};
        }
    }

    private static void wake(Guest g, Random random) {
        switch (random.nextInt(4)) {
            case 0 -> g.interrupt(random.nextInt(256));
            case 1 -> g.c.request(Cpu.NMI_REQUEST);
            case 2 -> g.c.request(Cpu.SMI_REQUEST);
            default -> g.c.request(Cpu.INIT_REQUEST);
        }
    }
}
