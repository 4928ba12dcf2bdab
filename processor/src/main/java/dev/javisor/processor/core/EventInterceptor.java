package dev.javisor.processor.core;

/** What virtualization (VMX non-root operation, an SVM guest) does about events before the processor delivers them. */
public interface EventInterceptor {
    /**
     * An exception is about to be delivered. Neither its payload nor anything else of the guest's state has been applied.
     *
     * @param during the event whose delivery raised it, or null
     * @return true when it caused an exit instead; the processor then runs the host
     */
    boolean exception(Cpu c, Event e, Event during);

    /** Called first at every instruction boundary that looks at requests. Returns true when it caused an exit, or handled the boundary. */
    boolean boundary(Cpu c);

    /** A triple fault is about to shut the processor down. Returns true when it caused an exit instead. */
    boolean shutdown(Cpu c);

    /**
     * A task switch is about to happen; its selector has been checked, nothing has changed yet.
     *
     * @param selector of the new TSS
     * @param source 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT
     * @param hasErrorCode an error code will be pushed in the new task
     * @return true when it caused an exit instead
     */
    boolean taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, int errorCode);
}
