package dev.javisor.hypervisor.host;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.FeatureSet;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.paging.Paging;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/**
 * The computer that the hypervisor runs on: processors with VMX, and physical memory, which consists of the host's own pages below 4 GiB
 * and of what the VMMs have given to their guests, pinned above.
 */
public final class Host implements AutoCloseable {
    private static final long FIRST_PINNED = 1L << 32;
    private static final long LARGE_PAGE = 2 << 20;
    /** Guests of fewer bits find fewer bits reserved in page tables than they should. */
    private static final int LEAST_PHYSICAL_BITS = 36;

    private final CpuModel model;
    private final Timeline timeline;
    private final PhysicalMemory memory = new PhysicalMemory();
    private final CodeCache cache;
    private final Paging paging;
    private final Arena arena = Arena.ofShared();
    private final HostPages pages = new HostPages(memory, arena);
    private final List<Region> pinned = new ArrayList<>();
    private long nextPinned = FIRST_PINNED;
    private int processors;

    /** @param model of the guests' processors; the host's have the same features, and VMX */
    public Host(CpuModel model, Timeline timeline, Engine engine) {
        this.model = withVmx(model);
        this.timeline = timeline;
        cache = new CodeCache(memory, engine);
        paging = new Paging(this.model, memory);
    }

    /** A model whose processors can run guests of {@code model}, whatever that enumerates of VMX itself. */
    private static CpuModel withVmx(CpuModel model) {
        EnumSet<Feature> features = model.features().toSet();
        for (Feature f : CpuModels.implemented().toSet()) {
            if (f == Feature.VMX || f.name().startsWith("VMX_")) {
                features.add(f);
            }
        }
        if (features.contains(Feature.RDPRU)) {
            // What RDPRU shows a guest is written to these registers.
            features.add(Feature.APERFMPERF);
        }
        return new CpuModel(
                model.name(),
                model.vendor(),
                model.family(),
                model.model(),
                model.stepping(),
                model.brand(),
                Math.max(model.physicalBits(), LEAST_PHYSICAL_BITS),
                model.maxLeaf(),
                model.maxExtendedLeaf(),
                model.listed(),
                new FeatureSet(features));
    }

    public CpuModel model() {
        return model;
    }

    public Timeline timeline() {
        return timeline;
    }

    public PhysicalMemory memory() {
        return memory;
    }

    public HostPages pages() {
        return pages;
    }

    /** Who must be told before bytes that may be code change; by host-physical address. */
    public CodeObserver code() {
        return cache;
    }

    /** What has been compiled; null when everything is interpreted. */
    public CompilerStatistics compilerStatistics() {
        return cache.statistics();
    }

    /** A further processor, in VMX root operation. */
    public RootProcessor addProcessor() {
        HostBoard board = new HostBoard();
        LogicalProcessor p = new LogicalProcessor(model, processors++, memory, timeline, cache, paging, board);
        return new RootProcessor(p, board, pages);
    }

    /**
     * Gives memory a host-physical address, for good: the region's bytes and page flags are shared. Memory that is pinned already keeps its
     * place.
     *
     * @return the region at its host-physical address
     * @throws KvmException TOO_BIG when the host's physical addresses do not reach so far
     */
    public Region pin(Region region) {
        Region known = find(region.segment);
        if (known != null) {
            return known;
        }
        long offset = region.host & LARGE_PAGE - 1;
        long at = nextPinned + offset;
        if (at + region.size > 1L << model.physicalBits()) {
            throw new KvmException(
                    KvmException.Error.TOO_BIG, "all memory together leaves " + model.physicalBits() + " bits of physical address");
        }
        Region placed = region.slice(at, 0, region.size);
        nextPinned = at + region.size + LARGE_PAGE - 1 & -LARGE_PAGE;
        memory.add(placed);
        pinned.add(placed);
        return placed;
    }

    /** As {@link #pin(Region)}, for memory that no other address space knows. */
    public Region pin(MemorySegment segment) {
        Region known = find(segment);
        return known != null ? known : pin(Region.memory(0, segment, false));
    }

    private Region find(MemorySegment segment) {
        for (Region r : pinned) {
            if (segment.address() >= r.host && segment.address() + segment.byteSize() <= r.host + r.size) {
                return r;
            }
        }
        return null;
    }

    @Override
    public void close() {
        arena.close();
    }
}
