package dev.javisor.machine.pci;

import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;

/**
 * The educational device 1234:11E8: an identification, a register that inverts, a factorial, interrupts raised by software, and a copier
 * between guest memory and 4096 bytes of its own. It works at once.
 */
public final class EduDevice extends PciFunction {
    private static final int VENDOR = 0x1234, DEVICE = 0x11E8, CLASS_CODE = 0x00FF00, REVISION = 0x10;
    private static final int REGION = 1 << 20;
    private static final int IDENTIFICATION = 0x010000ED;
    private static final int ID = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS_REGISTER = 0x20, INTERRUPT_STATUS = 0x24, RAISE = 0x60,
            ACKNOWLEDGE = 0x64, SOURCE = 0x80, DESTINATION = 0x88, LENGTH = 0x90, COMMAND_REGISTER = 0x98;
    private static final int RAISE_WHEN_DONE = 0x80;
    private static final int START = 1, TO_MEMORY = 2, INTERRUPT = 4;
    private static final int FACTORIAL_DONE = 1, COPY_DONE = 0x100;
    private static final long BUFFER = 0x40000;
    private static final int BUFFER_SIZE = 4096;

    private final byte[] buffer = new byte[BUFFER_SIZE];
    private int liveness, factorial, status, interrupts;
    private long source, destination, length, command;

    public EduDevice() {
        super(VENDOR, DEVICE, CLASS_CODE, REVISION);
        interruptPin();
        msi();
        memoryBar(0, REGION, new Registers());
    }

    private void raise(int causes) {
        interrupts |= causes;
        if (interrupts != 0 && !message()) {
            interrupt(true);
        }
    }

    private void acknowledge(int causes) {
        interrupts &= ~causes;
        if (interrupts == 0) {
            interrupt(false);
        }
    }

    private void computeFactorial(int n) {
        int f = 1;
        // From 34 on the product has 32 factors of two: it is 0 in 32 bits.
        for (int i = 2; i <= Math.min(n & 0xFFFFFFFFL, 34); i++) {
            f *= i;
        }
        factorial = f;
        if ((status & RAISE_WHEN_DONE) != 0) {
            raise(FACTORIAL_DONE);
        }
    }

    private void copy(long written) {
        command = written & (TO_MEMORY | INTERRUPT);
        if ((written & START) == 0) {
            return;
        }
        boolean out = (written & TO_MEMORY) != 0;
        long own = (out ? source : destination) - BUFFER;
        long other = out ? destination : source;
        if (own >= 0 && length >= 0 && own <= BUFFER_SIZE && length <= BUFFER_SIZE - own) {
            if (out) {
                memory().write(other, buffer, (int) own, (int) length);
            } else {
                memory().read(other, buffer, (int) own, (int) length);
            }
        }
        if ((written & INTERRUPT) != 0) {
            raise(COPY_DONE);
        }
    }

    private long register(int offset) {
        return switch (offset) {
            case ID -> IDENTIFICATION;
            case LIVENESS -> liveness & 0xFFFFFFFFL;
            case FACTORIAL -> factorial & 0xFFFFFFFFL;
            case STATUS_REGISTER -> status;
            case INTERRUPT_STATUS -> interrupts & 0xFFFFFFFFL;
            case SOURCE -> source;
            case DESTINATION -> destination;
            case LENGTH -> length;
            case COMMAND_REGISTER -> command;
            default -> -1;
        };
    }

    private void setRegister(int offset, int size, long value) {
        switch (offset) {
            case LIVENESS -> liveness = ~(int) value;
            case FACTORIAL -> computeFactorial((int) value);
            case STATUS_REGISTER -> status = (int) value & RAISE_WHEN_DONE;
            case RAISE -> raise((int) value);
            case ACKNOWLEDGE -> acknowledge((int) value);
            case SOURCE -> source = value;
            case SOURCE + 4 -> source = high(source, size, value);
            case DESTINATION -> destination = value;
            case DESTINATION + 4 -> destination = high(destination, size, value);
            case LENGTH -> length = value;
            case COMMAND_REGISTER -> copy(value);
            default -> {
                // Nothing there.
            }
        }
    }

    private static long high(long register, int size, long value) {
        return size == 4 ? register & 0xFFFFFFFFL | value << 32 : register;
    }

    @Override
    public void reset() {
        super.reset();
        liveness = 0;
        factorial = 0;
        status = 0;
        interrupts = 0;
        source = 0;
        destination = 0;
        length = 0;
        command = 0;
        Arrays.fill(buffer, (byte) 0);
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        out.putLongs("edu", new long[] {liveness, factorial, status, interrupts, source, destination, length, command});
        out.putBytes("buffer", buffer.clone());
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        long[] v = new long[8];
        in.getLongs("edu", v);
        liveness = (int) v[0];
        factorial = (int) v[1];
        status = (int) v[2];
        interrupts = (int) v[3];
        source = v[4];
        destination = v[5];
        length = v[6];
        command = v[7];
        byte[] b = in.getBytes("buffer");
        System.arraycopy(b, 0, buffer, 0, Math.min(b.length, BUFFER_SIZE));
    }

    private final class Registers implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return size < 4 ? -1 : register((int) offset);
        }

        @Override
        public void write(long offset, int size, long value) {
            if (size >= 4) {
                setRegister((int) offset, size, value);
            }
        }
    }
}
