package dev.javisor.hypervisor.memory;

/** Brings guest memory when guests want it: what a handler of userfaultfd is for KVM. */
public interface PageSource {
    /**
     * A guest needs a page of a memory slot.
     *
     * @param page guest-physical address, a multiple of 4096
     * @return true when it is there; false when it will be later, which {@code Vm.pageArrived} must be told
     */
    boolean request(long page);
}
