package dev.javisor.cli;

import dev.javisor.machine.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.terminal.spi.SystemStream;
import org.jline.terminal.spi.TerminalProvider;

/**
 * Carries what the host's user types to the guest's console. On a terminal every key goes to the guest, but Ctrl-A: Ctrl-A x leaves, Ctrl-A
 * twice sends one. From a pipe everything goes to the guest; the end of the pipe is the end of input and of nothing else.
 */
final class HostConsole {
    private static final int CTRL_A = 1;

    private final Machine machine;
    private final int port;
    private Terminal terminal;
    private Attributes original;
    private boolean escaped;

    private HostConsole(Machine machine, int port) {
        this.machine = machine;
        this.port = port;
    }

    /** Standard error goes to a terminal. */
    static boolean isErrorTerminal() {
        try {
            return TerminalProvider.load("ffm").isSystemStream(SystemStream.Error);
        } catch (IOException e) {
            return false;
        }
    }

    /** Connects standard input to a console of the machine. */
    static HostConsole connect(Machine machine, int port) {
        HostConsole c = new HostConsole(machine, port);
        if (System.console() != null && System.console().isTerminal()) {
            c.openTerminal();
        }
        machine.events().setLive(true);
        Thread.ofPlatform().daemon().name("console input").start(() -> c.read(System.in));
        return c;
    }

    /** Only the terminal's mode is JLine's matter: its own input stream cannot be closed while a thread waits for a key in it. */
    private void openTerminal() {
        try {
            terminal = TerminalBuilder.builder().system(true).dumb(true).build();
            original = terminal.enterRawMode();
            Attributes raw = terminal.getAttributes();
            raw.setLocalFlag(LocalFlag.ISIG, false);
            terminal.setAttributes(raw);
        } catch (IOException e) {
            terminal = null;
        }
    }

    private void read(InputStream in) {
        byte[] b = new byte[256];
        try {
            for (int n = in.read(b); n >= 0; n = in.read(b)) {
                accept(Arrays.copyOf(b, n));
            }
        } catch (IOException e) {
            // The terminal is gone, which is the end of input.
        }
        machine.events().setLive(false);
    }

    private void accept(byte[] typed) {
        byte[] text = terminal == null ? typed : interpret(typed);
        if (text.length > 0) {
            machine.events().post(() -> machine.input(port).add(text));
        }
    }

    private byte[] interpret(byte[] typed) {
        byte[] result = new byte[typed.length];
        int n = 0;
        for (byte b : typed) {
            if (escaped) {
                escaped = false;
                if (b == 'x' || b == 'X') {
                    machine.interrupt();
                } else if (b == CTRL_A) {
                    result[n++] = b;
                }
            } else if (b == CTRL_A) {
                escaped = true;
            } else {
                result[n++] = b;
            }
        }
        return Arrays.copyOf(result, n);
    }

    /** Gives the terminal back as it was. */
    void close() {
        if (terminal != null) {
            terminal.setAttributes(original);
            try {
                terminal.close();
            } catch (IOException e) {
                // Nothing is left to be restored.
            }
        }
    }
}
