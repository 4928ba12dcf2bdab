package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class XsaveLayoutTest {
    @Test
    void anAreaOfLegacyStateEndsWithTheHeader() {
        assertThat(XsaveLayout.standardSize(3)).isEqualTo(576);
        assertThat(XsaveLayout.compactedSize(3)).isEqualTo(576);
    }

    @Test
    void standardFormatKeepsGapsAndCompactedFormatDoesNot() {
        long mask = 3 | XsaveComponent.AVX.bit() | XsaveComponent.PKRU.bit();
        assertThat(XsaveLayout.standardSize(mask)).isEqualTo(XsaveComponent.PKRU.offset + 8);
        assertThat(XsaveLayout.compactedOffset(XsaveComponent.PKRU, mask)).isEqualTo(576 + 256);
        assertThat(XsaveLayout.compactedOffset(XsaveComponent.PKRU, XsaveComponent.PKRU.bit())).isEqualTo(576);
        assertThat(XsaveLayout.compactedSize(mask)).isEqualTo(576 + 256 + 8);
    }

    @Test
    void componentsDoNotOverlapInStandardFormat() {
        for (XsaveComponent a : XsaveComponent.values()) {
            for (XsaveComponent b : XsaveComponent.values()) {
                assertThat(a == b || a.offset + a.size <= b.offset || b.offset + b.size <= a.offset).as("%s and %s", a, b).isTrue();
            }
        }
    }
}
