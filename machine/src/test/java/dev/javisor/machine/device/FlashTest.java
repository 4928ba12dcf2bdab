package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class FlashTest {
    private static final int SIZE = 3 * Flash.BLOCK, AT = Flash.BLOCK + 8;

    /** What the host keeps. */
    private final byte[] kept = content();

    private final Flash flash = new Flash(content(), (offset, bytes) -> System.arraycopy(bytes, 0, kept, offset, bytes.length));

    private static byte[] content() {
        byte[] c = new byte[SIZE];
        Arrays.fill(c, (byte) 0x5A);
        return c;
    }

    private void commands(int... values) {
        for (int v : values) {
            flash.write(AT, 1, v);
        }
    }

    private long status() {
        return flash.read(0, 1);
    }

    @Test
    void showsItsArrayInAnyWidth() {
        assertThat(flash.read(AT, 8)).isEqualTo(0x5A5A_5A5A_5A5A_5A5AL);
        assertThat(flash.read(SIZE - 1, 1)).isEqualTo(0x5A);
    }

    @Test
    void programmingClearsBitsAndNothingElse() {
        commands(0x40, 0xF3);
        assertThat(status()).as("ready").isEqualTo(0x80);
        commands(0xFF);
        assertThat(flash.read(AT, 1)).isEqualTo(0x52);
        assertThat(flash.read(AT + 1, 1)).isEqualTo(0x5A);
        assertThat(kept[AT]).isEqualTo((byte) 0x52);
    }

    @Test
    void erasingSetsTheBitsOfOneBlock() {
        commands(0x20, 0xD0, 0xFF);
        assertThat(flash.read(Flash.BLOCK, 8)).isEqualTo(-1);
        assertThat(flash.read(2 * Flash.BLOCK - 8, 8)).isEqualTo(-1);
        assertThat(flash.read(Flash.BLOCK - 1, 1)).isEqualTo(0x5A);
        assertThat(flash.read(2 * Flash.BLOCK, 1)).isEqualTo(0x5A);
        assertThat(kept[Flash.BLOCK]).isEqualTo((byte) -1);
    }

    @Test
    void aWrongSecondCycleIsReportedAndChangesNothing() {
        commands(0x20, 0x00);
        assertThat(status()).as("ready, erase and program error").isEqualTo(0xB0);
        commands(0x50, 0x70);
        assertThat(status()).as("cleared").isZero();
        commands(0xFF);
        assertThat(flash.read(AT, 8)).isEqualTo(0x5A5A_5A5A_5A5A_5A5AL);
    }

    @Test
    void aBufferIsProgrammedWhenItIsConfirmed() {
        commands(0xE8, 3);
        flash.write(AT, 2, 0x1110);
        flash.write(AT + 2, 2, 0x1312);
        assertThat(kept).isEqualTo(content());
        commands(0xD0);
        assertThat(status()).isEqualTo(0x80);
        commands(0xFF);
        assertThat(flash.read(AT, 4)).isEqualTo(0x12121010);
    }

    @Test
    void aBufferThatIsTooLongOrLeftIsRefused() {
        commands(0xE8, 32);
        assertThat(status()).isEqualTo(0xB0);
        commands(0x50, 0xE8, 3);
        flash.write(AT, 1, 0);
        flash.write(AT + 4, 1, 0);
        assertThat(status()).isEqualTo(0xB0);
        assertThat(kept).isEqualTo(content());
    }

    @Test
    void theCommonFlashInterfaceDescribesIt() {
        commands(0x98);
        assertThat(flash.read(0x10, 4)).isEqualTo('Q' | 'R' << 8 | 'Y' << 16 | 1 << 24);
        assertThat(flash.read(0x27, 1)).as("2 to this are bytes, at least as many as there are").isEqualTo(14);
        assertThat(flash.read(0x2C, 1)).as("erase regions").isEqualTo(1);
        assertThat(flash.read(0x2D, 2)).as("blocks - 1").isEqualTo(2);
        assertThat(flash.read(0x2F, 2)).as("size of a block in 256 bytes").isEqualTo(16);
        commands(0x90);
        assertThat(flash.read(0, 1)).as("manufacturer").isEqualTo(0x89);
    }

    @Test
    void aResetKeepsTheContentAndShowsIt() {
        commands(0x40, 0, 0x70);
        flash.reset();
        assertThat(flash.read(AT, 1)).isZero();
    }

    @Test
    void itsStateHoldsContentAndCommand() {
        commands(0x40, 0, 0x40);
        StateOutput out = new StateOutput();
        out.put("flash", flash);
        Flash other = new Flash(content(), (offset, bytes) -> {});
        new StateInput(out.toByteArray()).get("flash", other);
        other.write(AT + 1, 1, 0);
        other.write(AT, 1, 0xFF);
        assertThat(other.read(AT, 2)).isZero();
    }
}
