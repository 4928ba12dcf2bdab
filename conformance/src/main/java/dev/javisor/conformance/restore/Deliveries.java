package dev.javisor.conformance.restore;

import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.util.Arrays;

/** When events were delivered in a run. */
final class Deliveries implements TraceSink {
    private long[] times = new long[1024];
    private int count;

    @Override
    public void accept(TraceEntry e) {
        if (e.what() instanceof Occurrence.Delivered) {
            if (count == times.length) {
                times = Arrays.copyOf(times, 2 * count);
            }
            times[count++] = e.time();
        }
    }

    int count() {
        return count;
    }

    /** Guest time of one of them. */
    long time(int i) {
        return times[i];
    }
}
