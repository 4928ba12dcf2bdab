package dev.javisor.cli.experiment;

import dev.javisor.processor.core.Event;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A class of events, and the code by which a guest meets it.
 *
 * @param id as users write it
 * @param text in words
 * @param origin where the event comes from
 * @param prepare code that runs before pages are unmapped
 * @param trigger code that raises the event, or before which it comes
 * @param after code that finds what a lost event leaves behind
 * @param skip bytes by which a handler that skips moves RIP
 * @param actions what handlers do besides taking notes, by vector: labels of the guest's text
 */
record EventCase(
        String id, String text, Origin origin, String prepare, String trigger, String after, int skip, Map<Integer, String> actions) {

    /** Where an event comes from. */
    enum Origin {
        /** The guest. */
        GUEST,
        /** As {@link #GUEST}; when its delivery is interrupted, the guest's page becomes present. */
        REPAIRED,
        /** KVM_SET_VCPU_EVENTS with a pending exception. */
        PAGE_FAULT,
        GENERAL_PROTECTION,
        MACHINE_CHECK,
        /** KVM_SET_VCPU_EVENTS with an injected exception, whose payload is where it belongs. */
        MIGRATED_DEBUG,
        /** KVM_NMI. */
        NMI;

        /** The guest asks userspace for the event. */
        boolean isUserspace() {
            return this != GUEST && this != REPAIRED;
        }
    }

    /** Of the external interrupt. */
    static final int VECTOR = 0x40;

    private static final String DATA_BREAKPOINT = """
            mov eax, WATCHED
            mov dr0, rax
            mov eax, 0xD0402
            mov dr7, rax
            """;
    private static final String ENABLE_APIC = """
            mov ecx, X2APIC_SVR
            mov eax, 0x1FF
            xor edx, edx
            wrmsr
            """;
    private static final String SELF_IPI = """
            mov ecx, X2APIC_SELF
            mov eax, VECTOR
            xor edx, edx
            wrmsr
            """;

    /** All of them. */
    static final List<EventCase> ALL = List.of(
            of("db-step", "#DB trap: single step", Origin.GUEST)
                    .prepare(DATA_BREAKPOINT + "pushfq\npushfq\nor qword [rsp], 0x100")
                    .trigger("popfq\npopfq")
                    .after("mov [WATCHED], eax"),
            of("db-data", "#DB trap: data breakpoint", Origin.GUEST)
                    .prepare(DATA_BREAKPOINT)
                    .trigger("mov [WATCHED], eax"),
            of("db-migrated", "#DB trap, half delivered, carried in by migration", Origin.MIGRATED_DEBUG),
            of("db-code", "#DB fault: code breakpoint", Origin.GUEST)
                    .prepare("mov eax, broken\nmov dr0, rax\nmov eax, 0x402\nmov dr7, rax")
                    .trigger("broken: nop")
                    .action(Event.DB, "resume"),
            of("db-general-detect", "#DB fault: general detect", Origin.GUEST).trigger("""
                    mov ecx, 0x2400
                    mov dr7, rcx
                    mov rcx, dr0
                    """),
            of("int1", "INT1", Origin.GUEST).trigger("int1"),
            of("pf", "#PF of an instruction", Origin.GUEST).trigger("mov al, [ABSENT]").action(Event.PF, "map"),
            of("pf-repaired", "#PF, the page becoming present meanwhile", Origin.REPAIRED)
                    .trigger("mov al, [ABSENT]")
                    .action(Event.PF, "map"),
            of("pf-synthetic", "#PF of userspace: a token in CR2", Origin.PAGE_FAULT),
            of("ud", "#UD of an instruction", Origin.GUEST).trigger("ud2").action(Event.UD, "skip").skip(2),
            of("gp", "#GP of an instruction", Origin.GUEST)
                    .trigger("mov ecx, 0x4B\nmov ds, ecx")
                    .action(Event.GP, "skip")
                    .skip(2),
            of("gp-emulated", "#GP of the hypervisor: RDMSR", Origin.GUEST)
                    .trigger("mov ecx, 0x12345\nrdmsr")
                    .action(Event.GP, "skip")
                    .skip(2),
            of("gp-userspace", "#GP of userspace", Origin.GENERAL_PROTECTION),
            of("mc", "#MC", Origin.MACHINE_CHECK),
            of("df", "#DF: an instruction's #GP, then #NP", Origin.GUEST)
                    .trigger("mov ecx, 0x4B\nmov ds, ecx")
                    .action(Event.DF, "skip")
                    .skip(2),
            of("df-synthetic", "#DF: userspace's #GP, then #NP", Origin.GENERAL_PROTECTION),
            of("order", "#UD behind STI, before an interrupt that waits", Origin.GUEST)
                    .prepare(ENABLE_APIC + SELF_IPI)
                    .trigger("sti\nud2")
                    .action(Event.UD, "skip")
                    .action(VECTOR, "end")
                    .skip(2),
            of("nmi", "NMI, and a second one later", Origin.NMI).after("out SECOND, al\nnop"),
            of("interrupt", "external interrupt, and a second one later", Origin.GUEST)
                    .prepare(ENABLE_APIC + "sti")
                    .trigger(SELF_IPI + "nop")
                    .after(SELF_IPI + "nop")
                    .action(VECTOR, "end"),
            of("int-n", "INT n", Origin.GUEST).trigger("int 0x30"),
            of("int3", "INT3", Origin.GUEST).trigger("int3"),
            of("into", "INTO", Origin.GUEST).trigger("jmp far [narrow]"));

    private static EventCase of(String id, String text, Origin origin) {
        return new EventCase(id, text, origin, "", "nop", "", 0, Map.of());
    }

    private EventCase prepare(String code) {
        return new EventCase(id, text, origin, code, trigger, after, skip, actions);
    }

    private EventCase trigger(String code) {
        return new EventCase(id, text, origin, prepare, code, after, skip, actions);
    }

    private EventCase after(String code) {
        return new EventCase(id, text, origin, prepare, trigger, code, skip, actions);
    }

    private EventCase skip(int bytes) {
        return new EventCase(id, text, origin, prepare, trigger, after, bytes, actions);
    }

    private EventCase action(int vector, String label) {
        Map<Integer, String> more = new HashMap<>(actions);
        more.put(vector, label);
        return new EventCase(id, text, origin, prepare, trigger, after, skip, Map.copyOf(more));
    }

    /** The gate of this vector is not present, so that its exception ends in a double fault; or -1. */
    int brokenGate() {
        return id.startsWith("df") ? Event.GP : -1;
    }
}
