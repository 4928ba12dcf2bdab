package dev.javisor.cli;

import dev.javisor.machine.console.ByteSink;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.Consumer;

/**
 * Guest output to a stream of the host. When the host cannot take it any more (its disk is full, nobody reads the pipe), somebody is told
 * once, and the rest is dropped.
 */
final class StreamSink implements ByteSink {
    private static final int BUFFER = 8192;

    private final OutputStream out;
    private final Consumer<IOException> failure;
    private final byte[] buffer = new byte[BUFFER];
    private int length;
    private boolean broken;

    StreamSink(OutputStream out, Consumer<IOException> failure) {
        this.out = out;
        this.failure = failure;
    }

    @Override
    public synchronized void write(int value) {
        buffer[length++] = (byte) value;
        if (length == BUFFER) {
            flush();
        }
    }

    @Override
    public synchronized void flush() {
        int n = length;
        length = 0;
        if (n > 0 && !broken) {
            try {
                out.write(buffer, 0, n);
                out.flush();
            } catch (IOException e) {
                broken = true;
                failure.accept(e);
            }
        }
    }
}
