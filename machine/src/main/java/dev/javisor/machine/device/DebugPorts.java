package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import java.util.function.IntConsumer;

/** Ports for firmware and test programs to talk to the host. They have no state. */
public final class DebugPorts {
    public static final int CONSOLE = 0xE9;
    /** Where SeaBIOS and OVMF look for a debug console. */
    public static final int FIRMWARE_CONSOLE = 0x402;
    public static final int POST = 0x80;

    private DebugPorts() {}

    /** A debug console: what is written appears on the host at once; reading gives E9H, by which programs recognize it. */
    public static void connectConsole(IoBus bus, int port, IntConsumer output) {
        bus.register(port, 1, new PortDevice() {
            @Override
            public int read(int offset, int size) {
                return CONSOLE;
            }

            @Override
            public void write(int offset, int size, int value) {
                output.accept(value);
            }
        });
    }

    /** The diagnostic port of power-on self tests: written only. */
    public static void connectPost(IoBus bus, IntConsumer codes) {
        bus.register(POST, 1, new PortDevice() {
            @Override
            public int read(int offset, int size) {
                return 0xFF;
            }

            @Override
            public void write(int offset, int size, int value) {
                codes.accept(value);
            }
        });
    }

    /**
     * A port that ends the run: writing {@code v} exits with status {@code v << 1 | 1}, so that a guest never exits with 0.
     *
     * @param count ports decoded: 1, 2 or 4
     */
    public static void connectExit(IoBus bus, int port, int count, BoardControl board) {
        if (count != 1 && count != 2 && count != 4) {
            throw new IllegalArgumentException("an exit port of " + count + " bytes");
        }
        bus.register(port, count, new PortDevice() {
            @Override
            public int read(int offset, int size) {
                return 0;
            }

            @Override
            public void write(int offset, int size, int value) {
                board.exit(value << 1 | 1);
            }

            @Override
            public int width() {
                return count;
            }
        });
    }
}
