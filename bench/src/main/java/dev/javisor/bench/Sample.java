package dev.javisor.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Repeated measurements of one thing. */
final class Sample {
    private final List<Double> values = new ArrayList<>();

    void add(double value) {
        values.add(value);
    }

    void addAll(Sample other) {
        values.addAll(other.values);
    }

    boolean isEmpty() {
        return values.isEmpty();
    }

    double median() {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int n = sorted.size();
        return n == 0 ? Double.NaN : (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }

    double maximum() {
        return isEmpty() ? Double.NaN : Collections.max(values);
    }

    double minimum() {
        return isEmpty() ? Double.NaN : Collections.min(values);
    }

    /** Half the distance between the extremes, in percent of the median. */
    double spread() {
        return isEmpty() ? Double.NaN : (maximum() - minimum()) / 2 / median() * 100;
    }
}
