package dev.javisor.processor.trace;

import dev.javisor.isa.BitNames;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Occurrence;

/** Events and what happens to them, in the manual's words. */
public final class TraceText {
    private static final BitNames CAUSES = VmcsText.bits(VmcsField.GUEST_PENDING_DEBUG);

    private TraceText() {}

    /** What happened, as a word. */
    public static String verb(Occurrence o) {
        return switch (o) {
            case Occurrence.Entry e -> "entry";
            case Occurrence.FailedEntry e -> "no entry";
            case Occurrence.Exit e -> "exit";
            case Occurrence.Delivered d -> "delivered";
            case Occurrence.Combined c -> c.result() == null ? "triple" : c.result() == c.second() ? "replaced" : "merged";
            case Occurrence.ShutDown s -> "shutdown";
            case Occurrence.Accepted a -> "accept";
            case Occurrence.Acknowledged a -> "ack";
            case Occurrence.Ended e -> "eoi";
            case Occurrence.Queued q -> "queue";
            case Occurrence.Injected i -> "inject";
            case Occurrence.Requeued r -> "requeue";
            case Occurrence.Dropped d -> "drop";
            case Occurrence.Window w -> "window";
            case Occurrence.Emulated e -> "emulate";
        };
    }

    /** What it happened to. */
    public static String of(Occurrence o) {
        return switch (o) {
            case Occurrence.Entry e -> e.injected() == null ? "" : "delivers " + of(e.injected());
            case Occurrence.FailedEntry e -> e.reason().text + ", qualification " + hex(e.qualification());
            case Occurrence.Exit e -> exit(e);
            case Occurrence.Delivered d -> of(d.event()) + " at " + hex(d.from());
            case Occurrence.Combined c -> of(c.second()) + " during the delivery of " + of(c.first()) + combined(c);
            case Occurrence.ShutDown s -> s.reason();
            case Occurrence.Accepted a -> "interrupt " + hex(a.vector()) + (a.levelTriggered() ? ", level-triggered" : "");
            case Occurrence.Acknowledged a -> "interrupt " + hex(a.vector()) + (a.external() ? " of the 8259 pair" : "");
            case Occurrence.Ended e -> "interrupt " + hex(e.vector());
            case Occurrence.Queued q -> of(q.event());
            case Occurrence.Injected i -> of(i.event()) + (i.again() ? ", again" : "");
            case Occurrence.Requeued r -> of(r.event());
            case Occurrence.Dropped d -> of(d.event()) + ": " + d.why();
            case Occurrence.Window w -> (w.nmi() ? "NMI" : "interrupt") + (w.open() ? " window wanted" : " window no more wanted");
            case Occurrence.Emulated e -> e.what();
        };
    }

    private static String combined(Occurrence.Combined c) {
        if (c.result() == null) {
            return ": triple fault";
        }
        return c.result() == c.second() ? ": takes its place" : ": makes " + of(c.result());
    }

    private static String exit(Occurrence.Exit x) {
        StringBuilder t = new StringBuilder(x.reason().text);
        if (x.event() != null) {
            t.append(", ").append(of(x.event()));
        } else if (x.qualification() != 0) {
            t.append(", ").append(hex(x.qualification()));
            String words = qualification(x);
            t.append(words.isEmpty() ? "" : " (" + words + ")");
        }
        if (x.guestPhysical() >= 0) {
            t.append(", gpa ").append(hex(x.guestPhysical()));
        }
        if (x.during() != null) {
            t.append(", during the delivery of ").append(of(x.during()));
        }
        return t.toString();
    }

    /** What the qualification of an exit means; may be empty. */
    public static String qualification(Occurrence.Exit x) {
        return VmcsText.describe(VmcsField.EXIT_QUALIFICATION, f -> f == VmcsField.EXIT_REASON ? x.reason().number : x.qualification());
    }

    /** An event with its error code and payload. */
    public static String of(Event e) {
        return switch (e.type()) {
            case Event.EXTERNAL_INTERRUPT -> "interrupt " + hex(e.vector());
            case Event.NMI -> "NMI";
            case Event.SOFTWARE_INTERRUPT -> "INT " + hex(e.vector());
            case Event.PRIVILEGED_SOFTWARE_EXCEPTION -> "INT1";
            case Event.SOFTWARE_EXCEPTION -> e.vector() == Event.BP ? "INT3" : e.vector() == Event.OF ? "INTO" : "INT " + hex(e.vector());
            case Event.OTHER -> "monitor trap flag";
            default -> exception(e);
        };
    }

    private static String exception(Event e) {
        String t = VmcsText.exception(e.vector()) + (e.hasErrorCode() ? "(" + hex(e.errorCode()) + ")" : "");
        if (e.payload() == 0) {
            return t;
        }
        return e.vector() == Event.DB ? t + " " + CAUSES.describe(e.payload(), 0) : t + " for " + hex(e.payload());
    }

    private static String hex(long v) {
        return v < 0 || v > 9 ? "0x" + Long.toHexString(v) : Long.toString(v);
    }
}
