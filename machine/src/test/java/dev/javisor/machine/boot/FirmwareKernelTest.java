package dev.javisor.machine.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FirmwareKernelTest {
    /** As a BIOS does: loads the option ROM of the firmware configuration device, calls it, and boots by its bootstrap entry vector. */
    private static final String BIOS =
            """
            bits 16
            start:  xor ax, ax
                    mov ss, ax
                    mov ds, ax
                    mov es, ax
                    mov sp, 0x7000
                    cld
                    mov dx, 0x510
                    mov ax, 0x19
                    out dx, ax
                    inc dx
                    mov di, 0x8000
                    mov cx, 0x1000
                    rep insb
                    mov si, 0x8004 - 64
            find:   add si, 64
                    cmp dword [si+8], 0x726E6567
                    jne find
                    mov ax, [si+4]
                    xchg al, ah
                    dec dx
                    out dx, ax
                    inc dx
                    mov ax, 0xD000
                    mov es, ax
                    mov ds, ax
                    xor di, di
                    mov cx, [ss:si+2]
                    xchg cl, ch
                    rep insb
                    mov cx, di
                    xor si, si
                    xor bl, bl
            sum:    lodsb
                    add bl, al
                    loop sum
                    mov [ss:0x600], bl
                    call 0xD000:3
                    mov bx, [0x1A]
                    push 0xD000
                    push word [bx+0x1A]
                    retf
                    org 0xFFF0
                    jmp 0xF000:start
                    org 0x10000
            """;

    /** Stores what it is entered with, and switches off. */
    private static final String SETUP =
            """
            bits 16
                    jmp short entry
                    org 0x70
            entry:  mov bx, 0
                    mov es, bx
                    mov [es:0x610], cs
                    mov [es:0x612], ds
                    mov [es:0x614], ss
                    mov [es:0x616], sp
                    mov dx, 0x604
                    mov ax, 0x2000
                    out dx, ax
                    hlt
            """;

    private static final int INITRD = 5000;

    /** A kernel whose real-mode part switches the machine off; only that is ever entered. */
    private static byte[] kernel(int version, int loadFlags) {
        byte[] file = new byte[5 * 512 + 4096];
        byte[] setup = Asm.assemble(CodeSize.BITS16, 0, SETUP);
        System.arraycopy(setup, 0, file, 512, setup.length);
        ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        b.put(0x1F1, (byte) 4).putShort(0x1FE, (short) 0xAA55);
        if (version != 0) {
            b.putInt(0x202, 0x53726448).putShort(0x206, (short) version).put(0x211, (byte) loadFlags);
            b.putInt(0x22C, 0x1FFFFFF).putInt(0x238, 255);
        }
        b.putInt(5 * 512, Images.CODE);
        return file;
    }

    private static void boot(Place place, byte[] kernel, byte[] initrd, Consumer<Machine> check) {
        byte[] bios = Asm.assemble(CodeSize.BITS16, 0, BIOS);
        MachineConfiguration.Builder b = MachineConfiguration.builder(CpuModels.parse("max-intel")).place(place).memory(64 << 20);
        b.firmware(new ImageFile("bios", bios)).kernel(new ImageFile("kernel", kernel)).commandLine("one two");
        if (initrd != null) {
            b.initrd(new ImageFile("initrd", initrd));
        }
        try (Machine m = new Machine(b.build())) {
            assertThat(m.run(1_000_000)).isInstanceOf(MachineExit.PowerOff.class);
            assertThat(m.memory().read(0x600, 1)).as("checksum of the ROM").isZero();
            check.accept(m);
        }
    }

    private static String string(Machine m, long at, int length) {
        byte[] s = new byte[length];
        m.memory().read(at, s, 0, length);
        return new String(s);
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void aBiosBootsAKernelByItsRealModeEntry(Place place) {
        byte[] initrd = new byte[INITRD];
        Arrays.fill(initrd, (byte) 7);
        boot(place, kernel(0x203, 1), initrd, m -> {
            assertThat(m.memory().read(0x610, 8)).as("CS, DS, SS and SP").isEqualTo(0xFFF0_1000_1000_1020L);
            assertThat(m.memory().read(0x100000, 4)).isEqualTo(Images.CODE & 0xFFFFFFFFL);
            long setup = 0x10000;
            assertThat(m.memory().read(setup + 0x210, 1)).as("boot loader").isEqualTo(0xFF);
            assertThat(m.memory().read(setup + 0x211, 1)).as("loaded high, can use heap").isEqualTo(0x81);
            assertThat(m.memory().read(setup + 0x224, 2)).as("end of the heap, which begins behind the boot sector").isEqualTo(0xFE00);
            assertThat(string(m, m.memory().read(setup + 0x228, 4), 8)).isEqualTo("one two\0");
            long at = m.memory().read(setup + 0x218, 4);
            assertThat(at + INITRD).as("initrd_addr_max").isLessThanOrEqualTo(0x2000000);
            assertThat(m.memory().read(setup + 0x21C, 4)).isEqualTo(INITRD);
            assertThat(m.memory().read(at + INITRD - 1, 2)).isEqualTo(7);
        });
    }

    @Test
    void aKernelWithoutHeaderIsLoadedLow() {
        boot(Place.METAL, kernel(0, 0), null, m -> {
            assertThat(m.memory().read(0x610, 8) << 16 >>> 16).as("CS, DS and SS").isEqualTo(0x9000_9000_9020L);
            assertThat(m.memory().read(0x10000, 4)).isEqualTo(Images.CODE & 0xFFFFFFFFL);
            assertThat(m.memory().read(0x90020, 2)).as("there is a command line").isEqualTo(0xA33F);
            assertThat(string(m, 0x90000 + m.memory().read(0x90022, 2), 8)).isEqualTo("one two\0");
        });
    }

    @Test
    void aKernelThatIsLoadedLowHasALowCommandLine() {
        boot(Place.METAL, kernel(0x202, 0), null, m -> {
            assertThat(m.memory().read(0x610, 8) << 16 >>> 16).isEqualTo(0x9000_9000_9020L);
            assertThat(string(m, m.memory().read(0x90228, 4), 8)).isEqualTo("one two\0");
        });
    }

    private static void refused(byte[] kernel, int modules, String message) {
        BootModule m = new BootModule(new ImageFile("initrd", new byte[1]), "");
        assertThatThrownBy(() -> new FirmwareKernel(new ImageFile("kernel", kernel), List.of(m, m).subList(0, modules), ""))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatNoFirmwareCanStartIsRefused() {
        refused(new byte[4096], 0, "no Linux kernel");
        refused(Images.multibootElf(4 << 20), 0, "without firmware");
        refused(Arrays.copyOf(kernel(0x203, 1), 5 * 512 - 1), 0, "truncated");
        refused(kernel(0x203, 1), 2, "one initial RAM disk");
        refused(kernel(0, 0), 1, "too old");
    }

    @Test
    void whatDoesNotFitIsRefused() {
        byte[] large = Arrays.copyOf(kernel(0, 0), 0x80000 + 5 * 512 + 1);
        assertThatThrownBy(() -> boot(Place.METAL, large, null, m -> {})).hasMessageContaining("does not fit");
        assertThatThrownBy(() -> boot(Place.METAL, kernel(0x203, 1), new byte[33 << 20], m -> {}))
                .hasMessageStartingWith("initrd: ")
                .hasMessageContaining("does not fit");
    }

    @Test
    void withoutFirmwareRealModeKernelsAreRefusedAndTheReasonIsSaid() {
        assertThatThrownBy(() -> BootImage.of(new ImageFile("kernel", kernel(0x203, 1)))).hasMessageContaining("needs a firmware");
        assertThatThrownBy(() -> BootImage.of(new ImageFile("kernel", kernel(0, 0)))).hasMessageContaining("needs a firmware");
        byte[] application = new byte[1024];
        application[0] = 'M';
        application[1] = 'Z';
        assertThatThrownBy(() -> BootImage.of(new ImageFile("kernel", application))).hasMessageContaining("needs a firmware");
    }
}
