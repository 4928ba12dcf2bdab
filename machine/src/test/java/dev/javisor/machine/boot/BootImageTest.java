package dev.javisor.machine.boot;

import static dev.javisor.machine.boot.Images.CODE;
import static dev.javisor.machine.boot.Images.MEGABYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.machine.boot.BootContext.EntryChoice;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BootImageTest {
    private final Images machine = new Images(64 * MEGABYTE);

    private static BootImage image(byte[] bytes) {
        return BootImage.of(new ImageFile("kernel", bytes));
    }

    private long read(long at, int size) {
        return machine.memory.read(at, size);
    }

    // ---- Linux ----

    @Test
    void linuxStartsAtItsSixtyFourBitEntryOnPageTablesThatMapTheFirstFourGigabytesOneToOne() {
        StartState s = image(Images.bzImage(3)).load(machine.context("quiet", null));
        assertThat(s.mode()).isEqualTo(StartState.Mode.LONG);
        assertThat(s.rip()).isEqualTo(0x100200);
        assertThat(read(s.rip(), 4)).isEqualTo(CODE & 0xFFFFFFFFL);
        for (long linear : new long[] {0, 0x1234567, 0xFFFFF000L}) {
            long directory = read(s.cr3(), 8) & ~0xFFFL;
            long table = read(directory + 8 * (linear >>> 30), 8) & ~0xFFFL;
            long page = read(table + 8 * (linear >>> 21 & 511), 8);
            assertThat(page & 0x83).as("present, writable, large").isEqualTo(0x83);
            assertThat(page & ~0x1FFFFFL).isEqualTo(linear & ~0x1FFFFFL);
        }
    }

    @Test
    void linuxStartsInProtectedModeWhenItOrTheProcessorCannotDoBetter() {
        StartState only32 = image(Images.bzImage(0)).load(machine.context("", null));
        assertThat(only32.mode()).isEqualTo(StartState.Mode.PROTECTED);
        assertThat(only32.rip()).isEqualTo(0x100000);
        BootContext c = machine.context("", null);
        BootContext no64 = new BootContext(c.memory(), c.map(), List.of(), "", 0, false, EntryChoice.BEST);
        assertThat(image(Images.bzImage(3)).load(no64).mode()).isEqualTo(StartState.Mode.PROTECTED);
        BootContext wants64 = new BootContext(c.memory(), c.map(), List.of(), "", 0, false, EntryChoice.LONG);
        assertThatThrownBy(() -> image(Images.bzImage(3)).load(wants64)).isInstanceOf(BadImageException.class);
    }

    @Test
    void linuxFindsItsBootParameters() {
        byte[] initrd = new byte[5000];
        Arrays.fill(initrd, (byte) 7);
        StartState s = image(Images.bzImage(3)).load(machine.context("console=ttyS0 quiet", initrd));
        long p = s.rsi();
        assertThat(read(p + 0x202, 4)).as("setup header copied").isEqualTo(0x53726448);
        assertThat(read(p + 0x210, 1)).as("boot loader").isEqualTo(0xFF);
        assertThat(machine.string(read(p + 0x228, 4))).isEqualTo("console=ttyS0 quiet");
        assertThat(read(p + 0x70, 8)).as("ACPI root pointer").isEqualTo(0xF1234);
        long at = read(p + 0x218, 4);
        assertThat(read(p + 0x21C, 4)).isEqualTo(5000);
        assertThat(at % 4096).isZero();
        assertThat(at + 5000).isLessThanOrEqualTo(64 * MEGABYTE);
        assertThat(read(at + 4999, 1)).isEqualTo(7);
        int entries = (int) read(p + 0x1E8, 1);
        assertThat(entries).isEqualTo(machine.map.ranges().size());
        assertThat(read(p + 0x2D0 + 20 * (entries - 1), 8)).isEqualTo(MEGABYTE);
    }

    @Test
    void initrdGoesAboveFourGigabytesOnlyWhenTheKernelSaysItCanAndThereIsNoRoomBelow() {
        Images large = new Images((3L << 30) + 64 * MEGABYTE);
        StartState s = image(Images.bzImage(3)).load(large.context("", new byte[8192]));
        assertThat(large.memory.read(s.rsi() + 0xC0, 4)).isZero();
        byte[] kernel = Images.bzImage(0);
        kernel[0x22F] = 0;
        kernel[0x22E] = (byte) 0x40;
        StartState t = image(kernel).load(large.context("", new byte[8192]));
        assertThat(large.memory.read(t.rsi() + 0x218, 4) + 8192).as("initrd_addr_max").isLessThanOrEqualTo(0x410000);
    }

    @Test
    void initrdMustFitBesideTheKernel() {
        byte[] tooLarge = new byte[(int) (64 * MEGABYTE - 0x1000000)];
        assertThatThrownBy(() -> image(Images.bzImage(3)).load(machine.context("", tooLarge)))
                .isInstanceOf(BadImageException.class)
                .hasMessageStartingWith("initrd: ")
                .hasMessageContaining("64 MiB");
    }

    @Test
    void commandLineMustFit() {
        assertThatThrownBy(() -> image(Images.bzImage(3)).load(machine.context("x".repeat(2048), null)))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining("2047");
    }

    @Test
    void kernelMustFitIntoMemory() {
        Images small = new Images(16 * MEGABYTE);
        assertThatThrownBy(() -> image(Images.bzImage(3)).load(small.context("", null))).isInstanceOf(BadImageException.class);
    }

    // ---- multiboot ----

    @Test
    void multibootElfFindsItsInformation() {
        byte[] module = "KEY=value".getBytes();
        StartState s = image(Images.multibootElf(4 * MEGABYTE)).load(machine.context("a b", module));
        assertThat(s.mode()).isEqualTo(StartState.Mode.PROTECTED);
        assertThat(s.rip()).isEqualTo(4 * MEGABYTE + 16);
        assertThat(s.rax()).isEqualTo(0x2BADB002);
        long info = s.rbx();
        assertThat(read(info, 4) & 0x4D).isEqualTo(0x4D);
        assertThat(read(info + 8, 4)).as("KiB above 1 MiB").isEqualTo(63 * 1024);
        assertThat(machine.string(read(info + 16, 4))).isEqualTo("kernel a b");
        assertThat(read(info + 20, 4)).as("modules").isEqualTo(1);
        long m = read(info + 24, 4);
        assertThat(read(m + 4, 4) - read(m, 4)).isEqualTo(module.length);
        assertThat(machine.string(read(m, 4))).startsWith("KEY=value");
        assertThat(read(m, 4)).as("behind the kernel and its uninitialised data").isGreaterThanOrEqualTo(4 * MEGABYTE + 4096);
        assertThat(read(info + 44, 4)).isEqualTo(24L * machine.map.ranges().size());
        assertThat(read(read(info + 48, 4), 4)).as("size of a map entry without the size field").isEqualTo(20);
    }

    @Test
    void multibootKernelsHaveNo64BitEntry() {
        BootContext c = machine.context("", null);
        BootContext wants64 = new BootContext(c.memory(), c.map(), List.of(), "", 0, true, EntryChoice.LONG);
        assertThatThrownBy(() -> image(Images.multibootElf(4 * MEGABYTE)).load(wants64))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining("no 64-bit entry");
    }

    @Test
    void multibootModulesComeInOrderWithTheirArguments() {
        List<BootModule> modules = List.of(
                new BootModule(new ImageFile("one", new byte[5000]), "root=/dev/vda quiet"),
                new BootModule(new ImageFile("two", "second".getBytes()), ""));
        long info = image(Images.multibootElf(4 * MEGABYTE)).load(machine.withModules("", modules)).rbx();
        assertThat(read(info + 20, 4)).isEqualTo(2);
        long m = read(info + 24, 4);
        assertThat(read(m + 4, 4) - read(m, 4)).isEqualTo(5000);
        assertThat(machine.string(read(m + 8, 4))).isEqualTo("one root=/dev/vda quiet");
        assertThat(read(m + 16, 4)).as("page-aligned, behind the first").isEqualTo((read(m + 4, 4) + 4095) / 4096 * 4096);
        assertThat(machine.string(read(m + 16, 4))).startsWith("second");
        assertThat(machine.string(read(m + 24, 4))).isEqualTo("two");
    }

    @Test
    void linuxTakesOneInitialRamDisk() {
        BootModule m = new BootModule(new ImageFile("more", new byte[1]), "");
        assertThatThrownBy(() -> image(Images.bzImage(3)).load(machine.withModules("", List.of(m, m))))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining("more");
    }

    @Test
    void multibootStructuresKeepClearOfTheImageAndOfTheFirstTwoPages() {
        StartState s = image(Images.multibootByAddresses(0x8000, 0x9F800)).load(machine.context("", null));
        assertThat(s.rbx()).isBetween(0x2000L, 0x7000L);
    }

    @Test
    void multibootByAddressesClearsItsUninitialisedData() {
        machine.memory.write(0x200800, 4, -1);
        StartState s = image(Images.multibootByAddresses(0x200000, 0x201000)).load(machine.context("", null));
        assertThat(s.rip()).isEqualTo(0x200040);
        assertThat(read(s.rip(), 4)).isEqualTo(CODE & 0xFFFFFFFFL);
        assertThat(read(0x200800, 4)).isZero();
    }

    // ---- ELF ----

    @Test
    void pvhKernelFindsItsStartInformation() {
        byte[] kernel = Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, Images.pvhNote(0x1000020));
        StartState s = image(kernel).load(machine.context("quiet", new byte[100]));
        assertThat(s.mode()).isEqualTo(StartState.Mode.PROTECTED);
        assertThat(s.rip()).isEqualTo(0x1000020);
        long info = s.rbx();
        assertThat(read(info, 4)).isEqualTo(0x336EC578);
        assertThat(machine.string(read(info + 24, 8))).isEqualTo("quiet");
        assertThat(read(info + 32, 8)).isEqualTo(0xF1234);
        assertThat(read(info + 12, 4)).as("modules").isEqualTo(1);
        assertThat(read(read(info + 16, 8) + 8, 8)).as("size of the module").isEqualTo(100);
        assertThat(read(info + 48, 4)).isEqualTo(machine.map.ranges().size());
    }

    @Test
    void vmlinuxStartsAtItsEntryPoint() {
        StartState s = image(Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, null)).load(machine.context("quiet", null));
        assertThat(s.mode()).isEqualTo(StartState.Mode.LONG);
        assertThat(s.rip()).isEqualTo(16 * MEGABYTE);
        assertThat(read(s.rsi() + 0x202, 4)).isEqualTo(0x53726448);
    }

    @Test
    void loadingAgainRepairsWhatTheGuestChanged() {
        BootImage kernel = image(Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, null));
        kernel.load(machine.context("", null));
        machine.memory.write(16 * MEGABYTE, 4, 0);
        machine.memory.write(16 * MEGABYTE + 100, 4, 1);
        kernel.load(machine.context("", null));
        assertThat(read(16 * MEGABYTE, 4)).isEqualTo(CODE & 0xFFFFFFFFL);
        assertThat(read(16 * MEGABYTE + 100, 4)).isZero();
    }

    // ---- firmware ----

    @Test
    void firmwareEndsAtFourGigabytesAndIsSeenBelowOneMegabyte() {
        byte[] rom = new byte[256 << 10];
        rom[rom.length - 16] = (byte) 0xEA;
        FirmwareImage f = new FirmwareImage(new ImageFile("bios", rom));
        f.map(machine.memory, Arena.ofAuto());
        f.shadow(machine.memory);
        assertThat(read(0xFFFFFFF0L, 1)).isEqualTo(0xEA);
        assertThat(read(0xFFFF0, 1)).isEqualTo(0xEA);
        machine.memory.write(0xFFFFFFF0L, 1, 0);
        assertThat(read(0xFFFFFFF0L, 1)).as("a ROM").isEqualTo(0xEA);
    }

    private static FirmwareImage volume(int size, int type) {
        byte[] rom = new byte[size];
        ByteBuffer.wrap(rom).order(ByteOrder.LITTLE_ENDIAN).putInt(16, type).putInt(40, 0x4856465F);
        return new FirmwareImage(new ImageFile("uefi", rom));
    }

    @Test
    void uefiFirmwareMayHaveBeenPartedFromItsVariablesWhichLieBelowIt() {
        FirmwareImage code = volume(0x37C000, 0x8C8CE578);
        assertThat(code.lacksVariables()).isTrue();
        assertThat(code.variables(0x84000)).isEqualTo(0xFFC00000L);
        assertThat(volume(0x400000, 0xFFF12B8D).lacksVariables()).as("begins with its variables").isFalse();
        assertThat(new FirmwareImage(new ImageFile("bios", new byte[0x30000])).lacksVariables()).as("no UEFI firmware").isFalse();
        assertThatThrownBy(() -> code.variables(16 << 20)).isInstanceOf(BadImageException.class);
    }

    @Test
    void firmwareHasTheSizeOfARom() {
        for (int size : new int[] {0, 1, 100_000, 17 << 20}) {
            assertThatThrownBy(() -> new FirmwareImage(new ImageFile("bios", new byte[size]))).isInstanceOf(BadImageException.class);
        }
    }
}
