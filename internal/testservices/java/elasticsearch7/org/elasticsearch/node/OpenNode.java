package org.elasticsearch.node;

import java.util.List;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.Plugin;

/** A Node of Elasticsearch 7 whose plugins are classes of the class path: opens the protected constructor. */
public class OpenNode extends Node {
    public OpenNode(Environment env, List<Class<? extends Plugin>> plugins) {
        super(env, plugins, true);
    }

    public static void configureLogging() {
        // log4j finds its file by itself
    }
}
