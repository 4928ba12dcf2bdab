package dev.javisor.conformance.restore;

import dev.javisor.conformance.restore.Subjects.Subject;
import dev.javisor.machine.Machine;
import dev.javisor.machine.Place;
import dev.javisor.processor.execution.Engine;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.List;

/**
 * The other process: reads snapshots from its standard input, makes a fresh machine of each, and runs it up to the time of the next, which
 * it must then be equal to. Says on its standard output what is not, and in its last line how many it has compared.
 */
final class RestoreWorker {
    /** Ticks by which every delivery has ended. */
    private static final int LATER = 64;

    private final List<Subject> subjects;
    private final Engine engine;
    private int compared;
    private int failed;

    RestoreWorker(Subjects subjects, Engine engine) {
        this.subjects = subjects.all();
        this.engine = engine;
    }

    /** @return whether all were equal */
    boolean run() throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        for (int subject = in.readInt(); subject >= 0; subject = in.readInt()) {
            chain(subjects.get(subject), Place.values()[in.readInt()], in);
        }
        System.out.println(compared + " " + failed);
        return failed == 0;
    }

    private void chain(Subject subject, Place place, DataInputStream in) throws IOException {
        Snapshot s = new Snapshot();
        long time = in.readLong();
        in.readBoolean();
        s.read(time, in);
        while ((time = in.readLong()) >= 0) {
            boolean end = in.readBoolean();
            Machine m = subject.machine(place, engine);
            long from = s.time;
            s.restore(m);
            String difference = s.difference(m);
            if (difference != null) {
                fail(subject, place, from, "when it has been restored: " + difference);
            }
            m.run(Long.MAX_VALUE, end ? Long.MAX_VALUE : time);
            s.read(time, in);
            difference = s.difference(m);
            if (difference != null && differsLater(subject, place, s, m)) {
                fail(subject, place, from, "at " + time + ": " + difference);
            }
            m.close();
            compared++;
        }
    }

    /** One may be in the middle of a delivery that the other has finished in the same tick: then they are equal a little later. */
    private boolean differsLater(Subject subject, Place place, Snapshot s, Machine m) {
        try (Machine other = subject.machine(place, engine)) {
            s.restore(other);
            m.run(Long.MAX_VALUE, s.time + LATER);
            other.run(Long.MAX_VALUE, s.time + LATER);
            Snapshot later = new Snapshot();
            later.take(other);
            return later.difference(m) != null;
        }
    }

    private void fail(Subject subject, Place place, long from, String what) {
        failed++;
        System.out.println("FAILED: " + subject.name() + " on the " + place + ", restored at " + from + ", " + what);
    }
}
